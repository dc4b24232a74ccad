"""The tables of limits and needs are calculated from the measurements."""

import re
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.capacity import Capacity, limits, load_capacity, needs, occupied


@pytest.fixture(scope="module")
def capacity() -> Capacity:
    return load_capacity()


def used(capacity: Capacity, in_flight: int, **amounts: float) -> Capacity:
    """The capacity with other measurements of the worker's usage per order."""
    usage = {f"worker: {kind}, {in_flight} in flight": amount for kind, amount in amounts.items()}
    return replace(capacity, measured={**capacity.measured, "usage": {**capacity.measured["usage"], **usage}})


def rows(table: str) -> dict[str, list[str]]:
    """Name at the beginning of each row's first cell → the other cells."""
    lines = (line.strip("| ").split(" | ") for line in table.splitlines()[2:])
    return {re.sub(r"[`,].*?$|`", "", name.lstrip("`")): cells for name, *cells in lines}


def test_cpu_time_is_scaled_by_the_share_of_a_core(capacity: Capacity) -> None:
    alone = used(capacity, 1, invocations=2, billed=100, CPU=10)
    assert alone.seconds("worker", 1) == pytest.approx(0.090 + 0.010 * 1769 / 1024)


def test_a_batch_waits_as_long_as_a_single_order(capacity: Capacity) -> None:
    batches = used(used(capacity, 1, invocations=1, billed=260, CPU=10), 100, invocations=0.1, billed=900, CPU=5)
    assert batches.seconds("worker") == pytest.approx(0.025 + 0.005 * 1769 / 1024)


def test_environments_are_the_rate_times_the_seconds_per_order(capacity: Capacity) -> None:
    batches = used(used(capacity, 1, invocations=1, billed=250, CPU=0), 100, invocations=0.2, CPU=0)
    assert rows(limits(batches))["WorkerConcurrency"][0] == "400"
    assert rows(needs(batches))["worker environments"] == ["5", "50", "500"]


def test_the_lowest_limit_comes_first(capacity: Capacity) -> None:
    rates = [float(rate.replace(",", "")) for rate in re.findall(r" \| ([\d,]+) \| ", limits(capacity))]
    assert len(rates) > 10
    assert rates == sorted(rates)


def test_doubling_a_parameter_doubles_its_limit(capacity: Capacity) -> None:
    parameters: dict[str, Any] = capacity.template["Parameters"]
    doubled = {**parameters["WorkerConcurrency"], "Default": 2 * parameters["WorkerConcurrency"]["Default"]}
    bigger = {**parameters["DatabaseMaxConnections"], "Default": 400}
    changed = {**parameters, "WorkerConcurrency": doubled, "DatabaseMaxConnections": bigger}
    before, after = (
        rows(limits(each))
        for each in (capacity, replace(capacity, template={**capacity.template, "Parameters": changed}))
    )
    assert float(after["WorkerConcurrency"][0]) == pytest.approx(2 * float(before["WorkerConcurrency"][0]), abs=2)


def test_every_quota_is_a_limit(capacity: Capacity) -> None:
    table = limits(capacity)
    for quota in capacity.quotas["quota"]:
        assert quota["name"] in table
        assert f"[AWS]({quota['link']})" in table


def test_every_function_that_handles_an_order_is_listed(capacity: Capacity) -> None:
    assert rows(occupied(capacity)).keys() == {"api", "worker", "confirmer", "notifier"}
