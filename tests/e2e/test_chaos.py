"""A short chaos run; `make chaos` runs a long one."""

from pathlib import Path

import pytest

from testing.faults.chaos import run

pytestmark = pytest.mark.reliability


def test_the_invariants_hold_under_fault_injection(tmp_path: Path) -> None:
    chaos, report, wrong = run(tmp_path, orders=200, seed=2)
    assert chaos.faults.total() >= 200 // 40
    assert report.orders == len(chaos.trader.accepted) == 200
    assert not any(report.breaches.values()), f"\n{report}"
    assert not wrong
    assert not chaos.broken
