"""A short run with every message delivered several times; `make duplicates` runs a long one."""

import pytest

from order_engine.domain.claims import Decision
from testing.faults.duplicates import run

pytestmark = pytest.mark.reliability


def test_duplicate_messages_use_up_no_attempt(database_url: str) -> None:
    found = run(database_url, orders=200, seed=1)
    seen = {Decision.CLAIMED, Decision.LEASED, Decision.NOT_YET, Decision.RESTING, Decision.FINISHED}
    assert set(found.decisions) >= seen
    assert found.early == 0
    assert found.report.orders == 200
    assert found.report.statuses.keys() >= {"confirmed", "failed", "cancelled"}
    assert not any(found.report.breaches.values()), f"\n{found.report}"
