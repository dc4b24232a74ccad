"""What limits the engine on AWS, and what it needs at a rate: prints the tables of docs/capacity.md.

python -m benchmarks.simulation. Inputs: results.json (what was measured), quotas.toml (what AWS allows), template.yaml.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.calibration import ROWS, Measured, calibrated, load_measured, reproduced, saturated
from benchmarks.model import Costs, Engine
from local.template.yaml_file import read_yaml
from tests.cloud import ROOT

_RATES = (100, 1_000, 10_000)
_BATCHES = (10, 100)
_RESERVED_CONNECTIONS = 9  # infrastructure/database.yaml: dead_letter's, sweeper's, migrate's, and Postgres' own


@dataclass(frozen=True)
class Limit:
    """Something that ends at a rate."""

    name: str
    rate: float
    """Orders a second."""
    moved_by: str
    link: str = ""


@dataclass(frozen=True)
class Capacity:
    """What one order takes on AWS, by the model, with the mock's delays as shipped."""

    measured: Measured
    costs: Costs
    template: Mapping[str, Any]
    quotas: Mapping[str, Any]
    simulated: dict[int, Engine] = field(default_factory=dict)

    @cached_property
    def shares(self) -> dict[str, float]:
        """A function's share of a core, which its memory buys."""
        usual = self.template["Globals"]["Function"]["MemorySize"]
        names = {"api": "ApiFunction", "worker": "WorkerFunction", "notifier": "NotifierFunction"}
        per_core = self.quotas["processors"]["lambda_mb"]
        resources = self.template["Resources"]
        return {
            group: resources[name]["Properties"].get("MemorySize", usual) / per_core for group, name in names.items()
        }

    def worker(self, size: int) -> Engine:
        """One worker environment that is never idle, with batches of this size."""
        if size not in self.simulated:
            waits = self.quotas["waits"]
            places = {"postgres": waits["database_round_trip"], "emulator": waits["aws_request"]}
            self.simulated[size] = saturated(self.costs, size, {**self.shares, "postgres": 1}, places)
        return self.simulated[size]

    def rate(self, size: int) -> float:
        """Orders a second of one worker environment."""
        return len(self.worker(size).confirmed_at) / self.worker(size).confirmed_at[-1]

    def commits(self, size: int) -> float:
        """Per order, with the POST's."""
        return 1 + self.worker(size).statements / len(self.worker(size).confirmed_at)

    def messages(self, size: int) -> float:
        """To the status queue per order; so often, at worst, the notifier runs and pushes."""
        return self.worker(size).messages / len(self.worker(size).confirmed_at)

    def postgres(self, size: int) -> float:
        """CPU seconds per order."""
        return self.commits(size) * self.costs.commit + ROWS * self.costs.row

    @property
    def api_seconds(self) -> float:
        """How long a POST keeps an environment."""
        waits = self.quotas["waits"]
        return self.costs.api / self.shares["api"] + float(waits["database_round_trip"] + waits["aws_request"])

    @property
    def notifier_seconds(self) -> float:
        """How long statuses keep an environment."""
        waits = self.quotas["waits"]
        return self.costs.notifier / self.shares["notifier"] + float(waits["aws_request"] + waits["push"])

    def environments(self, size: int) -> float:
        """Of all functions, for one order a second."""
        return 1 / self.rate(size) + self.api_seconds + self.messages(size) * self.notifier_seconds

    def connections(self, size: int) -> float:
        """To Postgres, for one order a second."""
        return 1 / self.rate(size) + self.api_seconds

    def parameter(self, name: str) -> float:
        """Its default."""
        return float(self.template["Parameters"][name]["Default"])

    @property
    def log_bytes(self) -> float:
        """Of write-ahead log per order."""
        return self.measured.get("growth", "write ahead log")

    @property
    def stored_bytes(self) -> float:
        """That an order leaves in tables and indexes."""
        tables = ("orders", "orders indexes", "order events", "order events indexes")
        return sum(self.measured.get("growth", table) for table in tables)


def load_capacity() -> Capacity:
    """By the files in this directory and the template."""
    measured = load_measured()
    quotas = tomllib.loads(Path(__file__).with_name("quotas.toml").read_text())
    return Capacity(measured, calibrated(measured), read_yaml(ROOT / "template.yaml"), quotas)


def comparison(capacity: Capacity) -> str:
    """The model against what was measured."""
    rows = (
        (found.name, f"{found.measured:.3g} {found.unit}", f"{found.modelled:.3g} {found.unit}", f"{found.error:+.0%}")
        for found in reproduced(capacity.measured, capacity.costs)
    )
    return _table(("", "measured", "model", "off by"), rows)


def limits(capacity: Capacity) -> str:
    """Every limit, the lowest first."""
    rows = (
        (limit.name, f"{limit.rate:,.0f}", limit.moved_by, f"[AWS]({limit.link})" if limit.link else "")
        for limit in sorted(_limits(capacity), key=lambda limit: limit.rate)
    )
    return _table(("limit", "orders/s", "moved by", "said by"), rows)


def needs(capacity: Capacity) -> str:
    """What each rate needs."""
    needed: list[tuple[str, float]] = []
    for size in _BATCHES:
        needed += [
            (f"worker environments, batches of {size}", 1 / capacity.rate(size)),
            (f"environments of all functions, batches of {size}", capacity.environments(size)),
            (f"connections without a proxy, batches of {size}", capacity.connections(size)),
            (f"commits a second, batches of {size}", capacity.commits(size)),
            (f"cores of Postgres, batches of {size}", capacity.postgres(size)),
        ]
    needed += [
        ("API Gateway requests a second, POSTs and pushes", 1 + capacity.messages(10)),
        ("MB of write-ahead log a second", capacity.log_bytes / 1e6),
        ("GB a day that stay in tables and indexes", capacity.stored_bytes * 86_400 / 1e9),
    ]
    rows = ((name, *(_short(rate * each) for rate in _RATES)) for name, each in needed)
    return _table(("", *(f"{rate:,} orders/s" for rate in _RATES)), rows)


def _limits(capacity: Capacity) -> Iterator[Limit]:
    processors = capacity.quotas["processors"]
    for size in _BATCHES:
        most, rate = capacity.parameter("WorkerConcurrency"), capacity.rate(size)
        moved_by = (
            "`WorkerConcurrency`" if size == 10 else "`WorkerConcurrency`; the trigger's `BatchSize` is 10 as shipped"
        )
        yield Limit(f"`WorkerConcurrency` {most:.0f}, batches of {size}", most * rate, moved_by)
        for name in ("Maximum concurrency of an SQS trigger", "Lambda concurrent executions"):
            each = 1 / rate if name.startswith("Maximum") else capacity.environments(size)
            yield _quota(capacity, name, each, f", batches of {size}")
    yield Limit("`ThrottleRate`", capacity.parameter("ThrottleRate"), "`ThrottleRate`, `ThrottleBurst`")
    trigger = capacity.template["Resources"]["NotifierFunction"]["Properties"]["Events"]["Statuses"]["Properties"]
    notifiers = trigger["ScalingConfig"]["MaximumConcurrency"]
    pushed = notifiers / (capacity.notifier_seconds * capacity.messages(10))
    yield Limit(
        f"the notifier's `MaximumConcurrency` {notifiers}, a message each", pushed, "the template; fuller batches"
    )
    free = capacity.parameter("DatabaseMaxConnections") - _RESERVED_CONNECTIONS
    connections = free / capacity.connections(10)
    yield Limit("`DatabaseMaxConnections`, default", connections, "`DatabaseMaxConnections`, `DatabaseProxy`")
    small = processors["db.t4g.micro"] / capacity.postgres(10)
    yield Limit("db.t4g.micro, while it has credits", small, "`DatabaseInstanceClass`")
    baseline = small * processors["burstable_baseline"]
    yield Limit("db.t4g.micro, its baseline", baseline, "`DatabaseInstanceClass`")
    large = processors["db.m7g.large"] / capacity.postgres(10)
    yield Limit("db.m7g.large (prod), its two vCPUs", large, "`DatabaseInstanceClass`, fuller batches")
    yield _quota(capacity, "gp3 below 400 GB, bytes a second", capacity.log_bytes, ", of write-ahead log")
    yield _quota(capacity, "gp3 below 400 GB, writes", capacity.commits(10), ", one a commit")
    yield _quota(
        capacity,
        "API Gateway throttle, all APIs and @connections together",
        1 + capacity.messages(10),
        ", a push a message",
    )
    yield _quota(capacity, "SQS FIFO high throughput, requests of one kind", capacity.messages(10))
    yield _quota(capacity, "SQS standard, messages in flight", 10 / capacity.rate(10))
    read_units = 2 * capacity.messages(10)  # strongly consistent: one for each topic
    yield _quota(capacity, "DynamoDB on demand, read units of a table", read_units, ", two topics a message")


def _quota(capacity: Capacity, name: str, each: float, condition: str = "") -> Limit:
    """A quota, of which an order a second takes `each`."""
    quota = next(quota for quota in capacity.quotas["quota"] if quota["name"] == name)
    moved_by = f"quota: {quota['adjustable']}"
    return Limit(f"{name}, {quota['value']:,}{condition}", quota["value"] / each, moved_by, quota["link"])


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rows = list(rows)
    lines = (header, ["---:" if cell[:1].isdigit() else "---" for cell in rows[-1]], *rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    known = load_capacity()
    print("\n".join((comparison(known), limits(known), needs(known))))
