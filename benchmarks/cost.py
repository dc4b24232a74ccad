"""The monthly bill, from the measured use per order and list prices: prints the tables of docs/cost.md.

python -m benchmarks.cost. Inputs: results.json (measurements), prices.toml (prices, and how the engine is used),
template.yaml and samconfig.toml (what is deployed).
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.capacity import Capacity, load_capacity
from benchmarks.usage import FUNCTIONS
from order_engine.observability import metrics
from testing.cloud import ROOT

_HOURS = 730
_SECONDS = _HOURS * 3600
_ORDERS = (0, 1_000, 1_000_000, 100_000_000)
_GB = 1e9


@dataclass(frozen=True)
class Invocations:
    """The number of a function's invocations in a month, and the seconds of each."""

    function: str
    number: float
    seconds: float


@dataclass(frozen=True)
class Bill:
    """The bill of one profile of samconfig.toml at `orders` orders per month."""

    capacity: Capacity
    prices: Mapping[str, float]
    assumed: Mapping[str, float]
    profile: Mapping[str, str]
    orders: int

    def lines(self) -> Iterator[tuple[str, float]]:
        """Components and their dollars per month."""
        price = self.prices
        yield "API Gateway, HTTP requests", self.requests * price["http_request"]
        messages = self.orders * self.get("pushes") + 2 * self.sockets
        minutes = self.orders * self.assumed["watched_minutes"]
        yield "API Gateway, WebSocket messages", messages * price["websocket_message"]
        yield "API Gateway, connection minutes", minutes * price["websocket_minute"]
        for name, used in self.invocations.items():
            gb_seconds = used.number * used.seconds * self.capacity.memory(used.function) / 1024
            yield f"Lambda, {name}", used.number * price["lambda_request"] + gb_seconds * price["lambda_gb_second"]
        yield "Lambda, SnapStart's cache", self._snapshots() * price["snapstart_gb_second"] * _SECONDS
        polls = self.assumed["idle_pollers"] * _SECONDS / self.assumed["poll_seconds"]
        # A trigger's batch takes one request to receive and one to delete.
        placed = self.orders + 2 * self.invocations["worker"].number
        yield "SQS, orders", placed * price["sqs_standard"]
        handed_over = self.sent_to("ConfirmationsQueue") + 2 * self.invocations["confirmer"].number
        yield "SQS, confirmations", handed_over * price["sqs_standard"]
        told = self.sent_to("StatusQueue") + 2 * self.invocations["notifier"].number
        yield "SQS, statuses (FIFO)", told * price["sqs_fifo"]
        yield "SQS, empty receives of the four triggers", polls * (3 * price["sqs_standard"] + price["sqs_fifo"])
        # Strongly consistent reads of one unit each: a batch's order and account topics, and an API key.
        reads = 2 * self.orders * self.get("DynamoDB BatchGetItem") + self.requests * self.assumed["authorizer_share"]
        yield "DynamoDB", reads * price["dynamodb_read"] + 2 * self.sockets * price["dynamodb_write"]
        yield from self._database()
        yield from self._network()
        yield from self._monitoring()

    @property
    def requests(self) -> float:
        """Requests to the HTTP API."""
        return self.orders * (1 + self.assumed["gets_per_order"])

    @property
    def sockets(self) -> float:
        """WebSocket connections that are opened."""
        return self.orders / self.assumed["orders_per_socket"]

    @property
    def in_flight(self) -> int:
        """Which measurement applies, with 1 or with 100 orders in flight: the nearer one, by Little's law."""
        return 100 if self.orders / _SECONDS * self.capacity.get("seconds under way", 1) > 10 else 1

    def get(self, name: str) -> float:
        """What an order uses of a resource."""
        return self.capacity.get(name, self.in_flight)

    def sent_to(self, queue: str) -> float:
        """SendMessage requests to a queue."""
        return self.orders * self.get(f"SQS SendMessage to {queue}")

    @cached_property
    def invocations(self) -> dict[str, Invocations]:
        """Invocations by function."""
        found = {}
        for function in FUNCTIONS:
            each = self.get(f"{function}: invocations")
            seconds = self.capacity.seconds(function, self.in_flight) / each
            found[function] = Invocations(function.capitalize(), self.orders * each, seconds)
        # A GET is assumed to take as long as a POST, and so are the functions that were not measured.
        request = found["api"].seconds
        authorized = self.requests * self.assumed["authorizer_share"] + self.sockets
        return found | {
            "api": Invocations("Api", self.requests, request),
            "authorizer": Invocations("Authorizer", authorized, request),
            "websocket": Invocations("WebSocket", 3 * self.sockets, request),
            "sweeper": Invocations("Sweeper", _HOURS * 60, self.assumed["sweep_seconds"]),
        }

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

    def _monitoring(self) -> Iterator[tuple[str, float]]:
        price = self.prices
        logged = self.orders * sum(self.get(f"{function}: logs") for function in FUNCTIONS)
        logged += (self.requests + 3 * self.sockets) * self.assumed["access_log_bytes"]
        if self._parameter("LogLevel") == "DEBUG":
            logged += self.invocations["notifier"].number * self.assumed["debug_log_bytes"]
        yield "CloudWatch, logs", logged / _GB * price["log_gb"]
        templates = [file.read_text() for file in (ROOT / "template.yaml", *(ROOT / "infrastructure").glob("*.yaml"))]
        alarms, dashboards = (
            sum(len(re.findall(rf"Type: AWS::CloudWatch::{kind}\n", text)) for text in templates)
            for kind in ("Alarm", "Dashboard")
        )
        custom = sum(isinstance(value, metrics.Metric) for value in vars(metrics).values()) if self.orders else 0
        watched = alarms * price["alarm"] + dashboards * price["dashboard"] + custom * price["metric"]
        yield "CloudWatch, alarms, dashboard, metrics", watched
        started = (self.requests + _HOURS * 60) * (self._parameter("Tracing") == "Active")
        always = min(started, self.assumed["traces_always"] * _SECONDS)
        yield "X-Ray", (always + (started - always) * self.assumed["traces_share"]) * price["trace"]

    def _snapshots(self) -> float:
        """GB of memory of the functions with a snapshot."""
        if self._parameter("SnapStart") == "None":
            return 0
        functions = {
            name.removesuffix("Function"): resource["Properties"]
            for name, resource in self.capacity.template["Resources"].items()
            if resource["Type"] == "AWS::Serverless::Function"
        }
        return (
            sum(self.capacity.memory(name) for name, properties in functions.items() if "SnapStart" in properties)
            / 1024
        )

    def _parameter(self, name: str) -> str:
        return str(self.profile.get(name, self.capacity.template["Parameters"][name]["Default"]))


def bills(capacity: Capacity, profile: str) -> list[Bill]:
    """A profile's bills, one for every number of orders."""
    data = _data()
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = dict(pair.split("=") for pair in config[profile]["deploy"]["parameters"]["parameter_overrides"])
    prices = {name: price["usd"] for name, price in data["price"].items()}
    return [Bill(capacity, prices, data["assumed"], overrides, orders) for orders in _ORDERS]


def table(found: Iterable[Bill]) -> str:
    """Dollars per month by component, the total last."""
    columns = [dict(bill.lines()) for bill in found]
    rows = [(name, [column[name] for column in columns]) for name in columns[0]]
    rows.append(("**total**", [sum(column.values()) for column in columns]))
    header = " | ".join(f"{orders:,} orders" for orders in _ORDERS)
    lines = [f"| | {header} |", "|---|" + "---:|" * len(_ORDERS)]
    lines += [f"| {name} | {' | '.join(_dollars(value) for value in values)} |" for name, values in rows if any(values)]
    return "\n".join(lines) + "\n"


def each_million(found: Sequence[Bill]) -> str:
    """Dollars that a million additional orders cost, by service: with few orders in flight, and with a hundred."""
    _, few, *many = (dict(bill.lines()) for bill in found)
    columns = []
    for bill, lines in zip(found[2:], many, strict=True):
        millions = (bill.orders - found[1].orders) / 1e6
        column: defaultdict[str, float] = defaultdict(float)
        for name, dollars in lines.items():
            column[name.partition(",")[0]] += (dollars - few[name]) / millions
        columns.append({**column, "**total**": sum(column.values())})
    names = [name for name in columns[0] if any(column[name] for column in columns)]
    rows = (f"| {name} | {' | '.join(_dollars(column[name]) for column in columns)} |\n" for name in names)
    return "| | few in flight | a hundred in flight |\n|---|---:|---:|\n" + "".join(rows)


def price_list() -> str:
    """The prices with their sources and dates."""
    data = _data()
    rows = (
        f"| {price['per']} | {price['usd']:g} | {_is_from_aws(price)} | {price['source']} | {price['date']} |\n"
        for price in data["price"].values()
    )
    return "| item | dollars | AWS's own page | source | date |\n|---|---:|---|---|---|\n" + "".join(rows)


def assumptions() -> str:
    """How the engine is used, as assumed for the bill."""
    assumed = _data()["assumed"]
    return "| `[assumed]` | |\n|---|---:|\n" + "".join(f"| `{name}` | {value:,} |\n" for name, value in assumed.items())


def _is_from_aws(price: Mapping[str, Any]) -> str:
    return "yes" if price["source"].startswith("https://aws.amazon.com/") else "no"


def _data() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("prices.toml").read_text())


def _dollars(value: float) -> str:
    return "" if not value else "< 0.01" if value < 0.005 else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


if __name__ == "__main__":
    known = load_capacity()
    for name in ("dev", "prod"):
        print(f"{name}\n\n{table(bills(known, name))}")
    print(price_list())
