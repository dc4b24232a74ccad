"""The monthly bill, from the calls that an order makes and list prices: prints the tables of docs/cost.md.

python -m benchmarks.cost. Inputs: results.json (what was measured), prices.toml (prices, and how the engine is used),
template.yaml and samconfig.toml (what is deployed).
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.simulation import Capacity, load_capacity
from order_engine.observability import metrics
from tests.cloud import ROOT

_HOURS = 730
_SECONDS = _HOURS * 3600
_ORDERS = (0, 1_000, 1_000_000, 100_000_000)
_GB = 1e9


@dataclass(frozen=True)
class Bill:
    """One profile of samconfig.toml at so many orders a month."""

    capacity: Capacity
    prices: Mapping[str, float]
    assumed: Mapping[str, float]
    profile: Mapping[str, str]
    orders: int

    def lines(self) -> Iterator[tuple[str, float]]:
        """Components and dollars a month."""
        price = self.prices
        yield "API Gateway, HTTP requests", self.requests * price["http_request"]
        messages = self.orders * self.calls("pushes") + 2 * self.sockets
        minutes = self.orders * self.assumed["watched_minutes"]
        yield "API Gateway, WebSocket messages", messages * price["websocket_message"]
        yield "API Gateway, connection minutes", minutes * price["websocket_minute"]
        for name, (number, seconds, memory) in self.invocations.items():
            gb_seconds = number * seconds * memory / 1024
            yield f"Lambda, {name}", number * price["lambda_request"] + gb_seconds * price["lambda_gb_second"]
        yield "Lambda, SnapStart's cache", self._snapshots() * price["snapstart_gb_second"] * _SECONDS
        polls = self.assumed["idle_pollers"] * _SECONDS / self.assumed["poll_seconds"]
        sent, batches = self.orders, 2 * self.orders * self.calls("SQL claim")
        yield "SQS, orders", (sent + batches) * price["sqs_standard"]
        yield "SQS, statuses (FIFO)", self.orders * self._status_requests() * price["sqs_fifo"]
        yield "SQS, empty receives of the three triggers", polls * (2 * price["sqs_standard"] + price["sqs_fifo"])
        # Strongly consistent, a unit each: a batch's order and account topics, and a key.
        reads = 2 * self.orders * self.calls("DynamoDB BatchGetItem") + self.requests * self.assumed["authorizer_share"]
        yield "DynamoDB", reads * price["dynamodb_read"] + 2 * self.sockets * price["dynamodb_write"]
        yield from self._database()
        yield from self._network()
        yield from self._watching()

    @property
    def requests(self) -> float:
        """To the HTTP API."""
        return self.orders * (1 + self.assumed["gets_per_order"])

    @property
    def sockets(self) -> float:
        """That were opened."""
        return self.orders / self.assumed["orders_per_socket"]

    @cached_property
    def batch(self) -> int:
        """Orders in a worker's batch: as many orders are under way as arrive while one is executed (Little's law)."""
        return round(1 / self.calls("SQL claim"))

    def calls(self, name: str) -> float:
        """Per order, measured with one order under way or with a hundred, whichever is nearer."""
        under_way = self.orders / _SECONDS * 10 / self.capacity.rate(10)
        return self.capacity.measured.get("calls", f"{name}, {100 if under_way > 10 else 1} in flight")

    @cached_property
    def invocations(self) -> dict[str, tuple[float, float, float]]:
        """Number, seconds each and MB, by function."""
        capacity = self.capacity
        sweeps, api = _HOURS * 60, capacity.api_seconds
        pushes = self.orders * self.calls("DynamoDB BatchGetItem")
        batch_seconds = self.batch / capacity.rate(self.batch)
        authorized = self.requests * self.assumed["authorizer_share"] + self.sockets
        return {
            "api": (self.requests, api, self._memory("Api")),
            "authorizer": (authorized, api, self._memory("Authorizer")),
            "worker": (self.orders * self.calls("SQL claim"), batch_seconds, self._memory("Worker")),
            "notifier": (pushes, capacity.notifier_seconds, self._memory("Notifier")),
            "websocket": (3 * self.sockets, api, self._memory("WebSocket")),
            "sweeper": (sweeps, self.assumed["sweep_seconds"], self._memory("Sweeper")),
        }  # fmt: skip

    def _status_requests(self) -> float:
        return self.calls("SQS SendMessage") - 1 + 2 * self.calls("DynamoDB BatchGetItem")

    def _database(self) -> Iterator[tuple[str, float]]:
        price, copies = self.prices, 1 + (self._parameter("MultiAz") == "true")
        instance = self._parameter("DatabaseInstanceClass")
        yield f"RDS, {instance}", _HOURS * copies * price[instance]
        daily = self.orders / _HOURS * 24
        kept = daily * self.assumed["kept_days"] * self.capacity.stored_bytes / _GB
        storage = max(float(self._parameter("DatabaseStorageGb")), kept)
        yield "RDS, storage", storage * copies * price["rds_storage"]
        logs = daily * float(self._parameter("DatabaseBackupDays")) * self.capacity.log_bytes / _GB
        yield "RDS, backups", max(0.0, kept + logs - storage) * price["rds_backup"]
        proxied = self._parameter("DatabaseProxy") == "true"
        cores = float(self.capacity.quotas["processors"][instance])
        yield "RDS Proxy", proxied * cores * _HOURS * price["rds_proxy"]
        yield "Secrets Manager, the owner's password", price["secret"]

    def _network(self) -> Iterator[tuple[str, float]]:
        zones = 1 + (self._parameter("MultiAz") == "true")
        gigabytes = self.orders * self.assumed["bytes_to_sqs"] / _GB
        hours = _HOURS * zones * self.prices["endpoint_hour"]
        yield "VPC endpoint of SQS", hours + gigabytes * self.prices["endpoint_gb"]
        yield "Data to the internet", self.orders * self.assumed["bytes_out"] / _GB * self.prices["out_gb"]

    def _watching(self) -> Iterator[tuple[str, float]]:
        price = self.prices
        invocations = sum(number for number, _, _ in self.invocations.values())
        logged = invocations * self.assumed["log_bytes_per_invocation"]
        logged += self.requests * self.assumed["log_bytes_per_request"]
        yield "CloudWatch, logs", logged / _GB * price["log_gb"]
        templates = [file.read_text() for file in (ROOT / "template.yaml", *(ROOT / "infrastructure").glob("*.yaml"))]
        alarms, dashboards = (
            sum(len(re.findall(rf"Type: AWS::CloudWatch::{kind}\n", text)) for text in templates)
            for kind in ("Alarm", "Dashboard")
        )
        custom = sum(isinstance(value, metrics.Metric) for value in vars(metrics).values()) if self.orders else 0
        watched = alarms * price["alarm"] + dashboards * price["dashboard"] + custom * price["metric"]
        yield "CloudWatch, alarms, dashboard, metrics", watched
        started = self.requests + _HOURS * 60
        always = min(started, self.assumed["traces_always"] * _SECONDS)
        yield "X-Ray", (always + (started - always) * self.assumed["traces_share"]) * price["trace"]

    def _memory(self, function: str) -> float:
        template = self.capacity.template
        usual = template["Globals"]["Function"]["MemorySize"]
        return float(template["Resources"][f"{function}Function"]["Properties"].get("MemorySize", usual))

    def _snapshots(self) -> float:
        """GB of functions that have one."""
        if self._parameter("SnapStart") == "None":
            return 0
        functions = {
            name.removesuffix("Function"): resource["Properties"]
            for name, resource in self.capacity.template["Resources"].items()
            if resource["Type"] == "AWS::Serverless::Function"
        }
        return sum(self._memory(name) for name, properties in functions.items() if "SnapStart" in properties) / 1024

    def _parameter(self, name: str) -> str:
        return str(self.profile.get(name, self.capacity.template["Parameters"][name]["Default"]))


def bills(capacity: Capacity, profile: str) -> list[Bill]:
    """A profile's at every number of orders."""
    data = _data()
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = dict(pair.split("=") for pair in config[profile]["deploy"]["parameters"]["parameter_overrides"])
    prices = {name: price["usd"] for name, price in data["price"].items()}
    return [Bill(capacity, prices, data["assumed"], overrides, orders) for orders in _ORDERS]


def table(found: Iterable[Bill]) -> str:
    """Dollars a month by component, the total last."""
    columns = [dict(bill.lines()) for bill in found]
    rows = [(name, [column[name] for column in columns]) for name in columns[0]]
    rows.append(("**in all**", [sum(column.values()) for column in columns]))
    header = " | ".join(f"{orders:,} orders" for orders in _ORDERS)
    lines = [f"| | {header} |", "|---|" + "---:|" * len(_ORDERS)]
    lines += [f"| {name} | {' | '.join(_dollars(value) for value in values)} |" for name, values in rows if any(values)]
    return "\n".join(lines) + "\n"


def price_list() -> str:
    """The prices, where they were seen and when."""
    data = _data()
    rows = (
        f"| {price['per']} | {price['usd']:g} | {price['source']} | {price['date']} |\n"
        for price in data["price"].values()
    )
    return "| for | dollars | seen at | of |\n|---|---:|---|---|\n" + "".join(rows)


def assumptions() -> str:
    """How the engine is used, as the bill takes it."""
    assumed = _data()["assumed"]
    return "| `[assumed]` | |\n|---|---:|\n" + "".join(f"| `{name}` | {value:,} |\n" for name, value in assumed.items())


def _data() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("prices.toml").read_text())


def _dollars(value: float) -> str:
    return "" if not value else "< 0.01" if value < 0.005 else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


if __name__ == "__main__":
    known = load_capacity()
    for name in ("dev", "prod"):
        print(f"{name}\n\n{table(bills(known, name))}")
    print(price_list())
