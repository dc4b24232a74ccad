"""What limits the engine on AWS, and what it needs at a given rate: prints the tables of docs/capacity.md.

python -m benchmarks.capacity. By Little's law: environments = orders per second x seconds that an order occupies one.
Inputs: results.json (measurements), quotas.toml (AWS's quotas), template.yaml.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import load_raw
from benchmarks.usage import FUNCTIONS
from localcloud.template.yaml_file import read_yaml
from order_engine.adapters.postgres.roles import FRONT_DOOR, connection_limits
from testing.cloud import ROOT

_RATES = (100, 1_000, 10_000)


@dataclass(frozen=True)
class Limit:
    """A resource that is used up at a certain rate of orders."""

    name: str
    rate: float
    """Orders per second."""
    moved_by: str
    link: str = ""


@dataclass(frozen=True)
class Capacity:
    """What one order uses: the medians that were measured with 1 or with 100 orders in flight."""

    measured: Mapping[str, Mapping[str, float]]
    template: Mapping[str, Any]
    quotas: Mapping[str, Any]

    def get(self, name: str, in_flight: int = 100) -> float:
        """What an order uses of a resource."""
        return self.measured["usage"][f"{name}, {in_flight} in flight"]

    def seconds(self, function: str, in_flight: int = 100) -> float:
        """Seconds for which an order occupies an environment of a function on Lambda.

        An invocation waits (for venues, Postgres, SQS) as long with many orders as with one. The wait is not taken from
        the measurement with a hundred in flight, in which environments also wait for each other's CPU time: on Lambda
        each has its own share of a core, in proportion to its memory, for the measured CPU time.
        """
        share = min(1, self.memory(function.capitalize()) / self.quotas["processors"]["lambda_mb"])
        alone = {kind: self.get(f"{function}: {kind}", 1) for kind in ("invocations", "billed", "CPU")}
        wait: float = (alone["billed"] - alone["CPU"]) / alone["invocations"]
        invocations, cpu = (self.get(f"{function}: {kind}", in_flight) for kind in ("invocations", "CPU"))
        occupied: float = (invocations * wait + cpu / share) / 1000
        return occupied

    @property
    def commits(self) -> float:
        """Commits per order, including the mocked chain's."""
        return sum(self.get(f"commits {whose}") for whose in ("besides the chain's", "of the chain"))

    @property
    def postgres(self) -> float:
        """CPU seconds of Postgres per order."""
        return self.get("postgres: CPU") / 1000

    @property
    def log_bytes(self) -> float:
        """Bytes of write-ahead log per order."""
        return self.measured["growth"]["write ahead log"]

    @property
    def stored_bytes(self) -> float:
        """Bytes that an order leaves in tables and indexes."""
        tables = ("orders", "orders indexes", "order events", "order events indexes")
        return sum(self.measured["growth"][table] for table in tables)

    def memory(self, function: str) -> float:
        """Memory of a function, such as `Worker`, in MB."""
        usual = self.template["Globals"]["Function"]["MemorySize"]
        return float(self.template["Resources"][f"{function}Function"]["Properties"].get("MemorySize", usual))

    def parameter(self, name: str) -> float:
        """The default of a template parameter."""
        return float(self.template["Parameters"][name]["Default"])


def load_capacity() -> Capacity:
    """Loads the files in this directory and the template."""
    here = Path(__file__).parent
    measured = {
        name: {figure.name: figure.median for figure in section.figures}
        for name, section in load_raw(here / "results.json").items()
    }
    return Capacity(measured, read_yaml(ROOT / "template.yaml"), tomllib.loads((here / "quotas.toml").read_text()))


def occupied(capacity: Capacity) -> str:
    """Table of what an order uses of each function, with 1 and with 100 orders in flight."""
    rows = (
        (
            f"`{function}`",
            *(f"{capacity.get(f'{function}: invocations', number):.2g}" for number in (1, 100)),
            *(f"{capacity.get(f'{function}: CPU', number):.0f} ms" for number in (1, 100)),
            *(f"{capacity.seconds(function, number) * 1000:.0f} ms" for number in (1, 100)),
        )
        for function in FUNCTIONS
    )
    header = ("", *(f"{what}, {number}" for what in ("invocations", "CPU", "occupied") for number in (1, 100)))
    return _table(header, rows)


def limits(capacity: Capacity) -> str:
    """Table of the limits, lowest first."""
    rows = (
        (limit.name, f"{limit.rate:,.0f}", limit.moved_by, f"[AWS]({limit.link})" if limit.link else "")
        for limit in sorted(_limits(capacity), key=lambda limit: limit.rate)
    )
    return _table(("limit", "orders/s", "raised by", "source"), rows)


def needs(capacity: Capacity) -> str:
    """Table of what each rate needs."""
    seconds = {function: capacity.seconds(function) for function in FUNCTIONS}
    needed = {f"{function} environments": each for function, each in seconds.items()}
    needed |= {
        "connections to Postgres, without a proxy": sum(seconds.values()) - seconds["notifier"],
        "commits per second": capacity.commits,
        "cores of Postgres": capacity.postgres,
        "API Gateway requests per second, POSTs and pushes": 1 + capacity.get("pushes"),
        "MB of write-ahead log per second": capacity.log_bytes / 1e6,
        "GB per day added to tables and indexes": capacity.stored_bytes * 86_400 / 1e9,
    }
    rows = ((name, *(_short(rate * each) for rate in _RATES)) for name, each in needed.items())
    return _table(("", *(f"{rate:,} orders/s" for rate in _RATES)), rows)


def _limits(capacity: Capacity) -> Iterator[Limit]:
    worker, confirmer, notifier = (capacity.seconds(name) for name in ("worker", "confirmer", "notifier"))
    workers, confirmers = (capacity.parameter(f"{name}Concurrency") for name in ("Worker", "Confirmer"))
    yield Limit(f"`WorkerConcurrency` {workers:.0f}", workers / worker, "`WorkerConcurrency`")
    yield Limit(f"`ConfirmerConcurrency` {confirmers:.0f}", confirmers / confirmer, "`ConfirmerConcurrency`")
    trigger = capacity.template["Resources"]["NotifierFunction"]["Properties"]["Events"]["Statuses"]["Properties"]
    notifiers = trigger["ScalingConfig"]["MaximumConcurrency"]
    yield Limit(f"the notifier's `MaximumConcurrency` {notifiers}", notifiers / notifier, "the template")
    connections = connection_limits(int(capacity.parameter("DatabaseMaxConnections")), int(workers + confirmers))
    front_door = connections[FRONT_DOOR]
    yield Limit(
        f"connections of the front doors, {front_door} of `DatabaseMaxConnections`",
        front_door / capacity.seconds("api"),
        "`DatabaseMaxConnections`, `DatabaseProxy`",
    )
    yield Limit("`ThrottleRate`", capacity.parameter("ThrottleRate"), "`ThrottleRate`, `ThrottleBurst`")
    processors = capacity.quotas["processors"]
    small = processors["db.t4g.micro"] / capacity.postgres
    yield Limit("db.t4g.micro, at its baseline", small * processors["burstable_baseline"], "`DatabaseInstanceClass`")
    yield Limit("db.t4g.micro, with CPU credits", small, "`DatabaseInstanceClass`")
    large = processors["db.m7g.large"] / capacity.postgres
    yield Limit("db.m7g.large (prod), its two vCPUs", large, "`DatabaseInstanceClass`")
    pushes = capacity.get("pushes")
    taken = {
        "Maximum concurrency of an SQS trigger, the worker's": worker,
        "Lambda concurrent executions": sum(map(capacity.seconds, FUNCTIONS)),
        "API Gateway throttle, all APIs and @connections together": 1 + pushes,
        "SQS FIFO high throughput, requests of one kind": capacity.get("SQS SendMessage to StatusQueue"),
        "DynamoDB on demand, read units of a table, two topics a lookup": (2 * capacity.get("DynamoDB BatchGetItem")),
        "gp3 below 400 GB, writes, one per commit": capacity.commits,
        "gp3 below 400 GB, bytes per second, of write-ahead log": capacity.log_bytes,
    }
    for name, each in taken.items():
        quota = next(quota for quota in capacity.quotas["quota"] if name.startswith(quota["name"]))
        link = quota["link"]
        yield Limit(f"{name}, {quota['value']:,}", quota["value"] / each, f"quota: {quota['adjustable']}", link)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rows = list(rows)
    lines = (header, ["---:" if cell[:1].isdigit() else "---" for cell in rows[-1]], *rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    known = load_capacity()
    print("\n".join((occupied(known), limits(known), needs(known))))
