"""The estimated bills are consistent."""

from dataclasses import replace

import pytest

from benchmarks.capacity import Capacity, load_capacity
from benchmarks.cost import Bill, bills, each_million


@pytest.fixture(scope="module")
def capacity() -> Capacity:
    return load_capacity()


@pytest.fixture(scope="module", params=["dev", "prod"])
def profile(capacity: Capacity, request: pytest.FixtureRequest) -> list[Bill]:
    return bills(capacity, request.param)


def _total(bill: Bill) -> float:
    return sum(dollars for _, dollars in bill.lines())


def test_more_orders_cost_more_in_total_and_less_per_order(profile: list[Bill]) -> None:
    totals = [_total(bill) for bill in profile]
    assert totals == sorted(totals)
    each = [total / bill.orders for total, bill in zip(totals, profile, strict=True) if bill.orders]
    assert each == sorted(each, reverse=True)


def test_an_idle_stack_costs_little_besides_hourly_charges(profile: list[Bill]) -> None:
    lines = dict(profile[0].lines())
    hourly = ("RDS", "VPC", "Secrets", "CloudWatch, alarms", "Lambda, SnapStart")
    rest = {name: dollars for name, dollars in lines.items() if not name.startswith(hourly)}
    assert 0.8 < sum(rest.values()) < 2
    assert rest["SQS, empty receives of the four triggers"] == pytest.approx(657_000 * (3 * 0.4 + 0.5) * 1e-6)


def test_the_profile_determines_the_resources(capacity: Capacity) -> None:
    dev, prod = (dict(bills(capacity, name)[0].lines()) for name in ("dev", "prod"))
    assert dev["RDS, db.t4g.micro"] == pytest.approx(730 * 0.016)
    assert prod["RDS, db.m7g.large"] == pytest.approx(730 * 2 * 0.168)
    assert prod["VPC endpoint of SQS"] == pytest.approx(2 * dev["VPC endpoint of SQS"])
    assert dev["RDS Proxy"] == dev["Lambda, SnapStart's cache"] == 0 < prod["RDS Proxy"]


def test_websocket_messages_are_priced_from_the_measured_pushes(capacity: Capacity) -> None:
    bill = bills(capacity, "dev")[2]
    assert bill.orders == 1_000_000
    measured = capacity.get("pushes", 1)
    dollars = dict(bill.lines())["API Gateway, WebSocket messages"]
    # $1 per million messages; one socket per ten orders, with one request and one response.
    assert dollars == pytest.approx(measured + 0.2)


@pytest.mark.parametrize("name", ["http_request", "lambda_gb_second", "db.m7g.large", "log_gb", "out_gb"])
def test_every_price_affects_the_total(capacity: Capacity, name: str) -> None:
    bill = bills(capacity, "prod")[-1]
    dearer = replace(bill, prices={**bill.prices, name: 2 * bill.prices[name]})
    assert _total(dearer) > _total(bill)


@pytest.mark.parametrize(
    ("parameter", "value", "line"), [("Tracing", "Active", "X-Ray"), ("LogLevel", "DEBUG", "CloudWatch, logs")]
)
def test_options_that_are_off_by_default_add_costs(capacity: Capacity, parameter: str, value: str, line: str) -> None:
    bill = bills(capacity, "prod")[2]
    dearer = replace(bill, profile={**bill.profile, parameter: value})
    assert dict(dearer.lines())[line] > dict(bill.lines())[line]
    assert dict(bill.lines())["X-Ray"] == 0


def test_the_cost_per_million_orders_is_the_growth_of_the_bill(capacity: Capacity) -> None:
    few, many = bills(capacity, "prod")[1:3]
    grown = (_total(many) - _total(few)) / (many.orders - few.orders) * 1e6
    assert f"| **total** | {grown:.2f} |" in each_million(bills(capacity, "prod"))
