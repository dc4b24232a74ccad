"""Every benchmark runs and produces its figures; `make bench` measures their values."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import TITLES
from benchmarks.calls import statement_counts
from benchmarks.figures import Figure, Section, at_least, at_most, load_raw, percentile, raw, table

CHEAP = ["burst", "worker", "api", "unloaded", "growth", "calls", "usage", "flood", "triggers"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("results")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", ",".join(CHEAP), "--into", str(directory)]
    subprocess.run(command, check=True, timeout=600)
    return directory


@pytest.mark.parametrize("name", CHEAP)
def test_every_benchmark_produces_figures(results: Path, name: str) -> None:
    figures = load_raw(results / "results.json")[name].figures
    assert figures
    assert all(value >= 0 for figure in figures for value in figure.values)
    assert table(figures) in (results / "results.md").read_text()


def test_calls_are_counted(results: Path) -> None:
    """Placing an order executes one statement and sends one message; the counts of the rest vary."""
    figures = {figure.name: figure.median for figure in load_raw(results / "results.json")["calls"].figures}
    assert figures["SQL place, 1 in flight"] == 1
    assert figures["SQS requests, 1 in flight"] > 1
    assert figures["pushes, 1 in flight"] > 0


def test_usage_per_order_is_counted(results: Path) -> None:
    """Each of these functions is invoked for every order; the confirmer's invocations are reported like the others'."""
    figures = {figure.name: figure.median for figure in load_raw(results / "results.json")["usage"].figures}
    assert figures["api: invocations, 1 in flight"] == 1
    for function in ("api", "worker", "confirmer", "notifier"):
        assert figures[f"{function}: billed, 1 in flight"] >= figures[f"{function}: invocations, 1 in flight"] > 0
    assert figures["SQS SendMessage to ConfirmationsQueue, 1 in flight"] > 0


def test_the_machine_is_recorded(results: Path) -> None:
    machine = json.loads((results / "results.json").read_text())["machine"]
    assert machine.keys() >= {"date", "processor", "memory", "kernel", "Python", "Postgres", "revision"}
    assert all(machine.values())


def test_the_table_marks_missed_targets() -> None:
    lines = table(
        [Figure("a", "s", [1, 9, 2], at_most(8)), Figure("b", "/s", [400], at_least(450)), Figure("c", "", [5])]
    )
    a, b, c = lines.splitlines()[2:]
    assert a == "| a | s | ≤ 8 | 2 | 1 to 9 | met |"
    assert b == "| b | /s | ≥ 450 | 400 |  | **missed** |"
    assert c == "| c |  |  | 5 |  |  |"


def test_raw_figures_are_read_back(tmp_path: Path) -> None:
    sections = {"burst": Section("today", [Figure("a", "s", [1.5], at_most(8)), Figure("b", "s", [2.0])])}
    (tmp_path / "results.json").write_text(raw(sections, {"date": "today"}))
    assert load_raw(tmp_path / "results.json") == sections
    assert load_raw(tmp_path / "none.json") == {}


def test_percentiles_are_measured_values() -> None:
    values = list(range(100, 0, -1))
    assert [percentile(values, percent) for percent in (0, 50, 99, 100)] == [1, 50, 99, 100]


def test_statements_are_identified_by_their_text() -> None:
    log = """09:00:00.000 UTC [7] LOG:  execute x: -- These orders could not be queued: the next sweep queues them.
\tUPDATE orders SET watchdog_at = now() WHERE id = ANY($1) AND status = ANY($2)
2026-11-21 09:00:00.000 UTC [7] DETAIL:  Parameters: $1 = 'x'
2026-11-21 09:00:00.001 UTC [7] LOG:  statement: SELECT 1
"""
    assert statement_counts(log.replace("ANY($2)\n", "ANY($2);\n")) == {"mark_due": 1}


def test_every_benchmark_is_in_the_list() -> None:
    measuring = {file.stem for file in Path("benchmarks").glob("*.py") if "\ndef measure(" in file.read_text()}
    assert measuring == set(TITLES)
