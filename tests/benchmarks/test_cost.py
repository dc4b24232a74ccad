"""The bill adds up."""

from dataclasses import replace

import pytest

from benchmarks.cost import Bill, bills
from benchmarks.simulation import Capacity, load_capacity


@pytest.fixture(scope="module")
def capacity() -> Capacity:
    return load_capacity()


@pytest.fixture(scope="module", params=["dev", "prod"])
def profile(capacity: Capacity, request: pytest.FixtureRequest) -> list[Bill]:
    return bills(capacity, request.param)


def _total(bill: Bill) -> float:
    return sum(dollars for _, dollars in bill.lines())


def test_more_orders_cost_more_in_all_and_less_each(profile: list[Bill]) -> None:
    totals = [_total(bill) for bill in profile]
    assert totals == sorted(totals)
    each = [total / bill.orders for total, bill in zip(totals, profile, strict=True) if bill.orders]
    assert each == sorted(each, reverse=True)


def test_idle_costs_what_is_paid_by_the_hour_and_little_else(profile: list[Bill]) -> None:
    lines = dict(profile[0].lines())
    hourly = ("RDS", "VPC", "Secrets", "CloudWatch, alarms", "Lambda, SnapStart")
    rest = {name: dollars for name, dollars in lines.items() if not name.startswith(hourly)}
    assert 0.8 < sum(rest.values()) < 2
    assert rest["SQS, empty receives of the three triggers"] == pytest.approx(3 * 657_000 * 0.4333e-6, rel=0.01)


def test_the_profile_decides(capacity: Capacity) -> None:
    dev, prod = (dict(bills(capacity, name)[0].lines()) for name in ("dev", "prod"))
    assert dev["RDS, db.t4g.micro"] == pytest.approx(730 * 0.016)
    assert prod["RDS, db.m7g.large"] == pytest.approx(730 * 2 * 0.168)
    assert prod["VPC endpoint of SQS"] == pytest.approx(2 * dev["VPC endpoint of SQS"])
    assert dev["RDS Proxy"] == dev["Lambda, SnapStart's cache"] == 0 < prod["RDS Proxy"]


def test_a_million_orders_send_what_they_were_measured_to(capacity: Capacity) -> None:
    bill = bills(capacity, "dev")[2]
    assert bill.orders == 1_000_000
    measured = capacity.measured.get("calls", "pushes, 1 in flight")
    dollars = dict(bill.lines())["API Gateway, WebSocket messages"]
    assert dollars == pytest.approx(measured + 0.2)  # a dollar a million; a socket for ten orders, asked and answered


@pytest.mark.parametrize("name", ["http_request", "lambda_gb_second", "db.m7g.large", "log_gb", "trace", "out_gb"])
def test_every_price_counts(capacity: Capacity, name: str) -> None:
    bill = bills(capacity, "prod")[-1]
    dearer = replace(bill, prices={**bill.prices, name: 2 * bill.prices[name]})
    assert _total(dearer) > _total(bill)
