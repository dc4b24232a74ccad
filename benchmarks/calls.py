"""i. Calls per order, counted on the wire, without mock delays: with 1 and with 100 orders in flight.

A proxy counts the functions' requests to SQS and DynamoDB (the local cloud's own polling does not go through it), and
the statements are counted in the Postgres log. A statement is a round trip; each one that writes or locks rows is a
commit.
"""

import asyncio
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from aiohttp import web

from benchmarks.figures import Figure, Options, at_most, per_run
from benchmarks.load import follow_orders
from benchmarks.trader import trading
from order_engine.adapters.postgres.database import parse_statements
from testing.cloud import ROOT, Cloud, running_cloud
from testing.faults.proxies import AwsProxy

_SQL = ROOT / "layers/order_engine/order_engine/adapters/postgres/sql"
_COMMITS = {"place", "claim", "record", "send"}
_OF_THE_CHAIN = {"send", "landings"}
_GOALS = {
    "SQS requests, 100 in flight": at_most(1.5),
    "DynamoDB requests, 100 in flight": at_most(0.5),
    "commits besides the chain's, 100 in flight": at_most(2),
}
_WARM_UP = 50


class CountingProxy(AwsProxy):
    """Counts requests by service and operation."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        super().__init__()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        service, _, operation = request.headers["X-Amz-Target"].partition(".")
        if service == "AmazonSQS":
            queue = json.loads(await request.read())["QueueUrl"].rpartition("/")[2]
            self.counts[f"SQS {operation} to {queue.removesuffix('.fifo')}"] += 1
        else:
            self.counts[f"DynamoDB {operation}"] += 1
        return await super()._handle(request)


def measure(options: Options) -> list[Figure]:
    """Requests and commits per order."""
    orders = {1: options.scaled(100, 3), 100: options.scaled(2_000, 100)}
    with counting_cloud(MOCK_LATENCY="0") as (cloud, proxy):
        found = per_run(counts(cloud, proxy, orders) for _ in range(options.runs))
    return [Figure(name, "per order", values, _GOALS.get(name)) for name, values in found.items()]


@contextmanager
def counting_cloud(**environment: str) -> Iterator[tuple[Cloud, CountingProxy]]:
    """A local cloud whose requests to SQS and DynamoDB go through a proxy and whose statements are logged."""
    proxy = CountingProxy()
    try:
        with (
            tempfile.TemporaryDirectory() as directory,
            running_cloud(Path(directory), LOCAL_AWS_ENDPOINT_URL=proxy.url, **environment) as cloud,
        ):
            proxy.target = cloud.aws_url
            log_statements(cloud)
            yield cloud, proxy
    finally:
        proxy.close()


def counts(cloud: Cloud, proxy: CountingProxy, orders: Mapping[int, int]) -> dict[str, float]:
    """Calls per order; `orders` is the number of orders to place, by the number in flight."""
    return {
        f"{name}, {in_flight} in flight": value
        for in_flight, number in orders.items()
        for name, value in asyncio.run(count(cloud, proxy, number, in_flight)).items()
    }


def log_statements(cloud: Cloud) -> None:
    """Make Postgres log every statement."""
    with psycopg.connect(cloud.database_url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")


async def count(cloud: Cloud, proxy: CountingProxy, orders: int, in_flight: int) -> dict[str, float]:
    """Places `orders` orders and returns the calls per order."""
    log = cloud.directory / "logs" / "postgres.log"
    async with trading(cloud) as trader:
        await follow_orders(trader, min(_WARM_UP, orders), in_flight)
        proxy.counts.clear()
        start, pushed = log.stat().st_size, trader.frames
        await follow_orders(trader, orders, in_flight)
        pushes = trader.frames - pushed
    with log.open("rb") as file:
        file.seek(start)
        statements = statement_counts(file.read().decode())
    sqs = {name: number for name, number in proxy.counts.items() if name.startswith("SQS")}
    commits = {name: statements[name] for name in _COMMITS - _OF_THE_CHAIN}
    found = {
        "SQS requests": sum(sqs.values()),
        "DynamoDB requests": proxy.counts.total() - sum(sqs.values()),
        "pushes": pushes,
        "Postgres round trips": statements.total(),
        "commits besides the chain's": sum(commits.values()),
        "commits of the chain": statements["send"],
        **proxy.counts,
        **{f"SQL {name}": number for name, number in statements.items()},
    }
    return {name: number / orders for name, number in found.items()}


def statement_counts(log: str) -> Counter[str]:
    """How often each of the engine's statements was executed, according to the log."""
    executed = re.findall(r"LOG:  execute [^:]*: (.*(?:\n\t.*)*)", log)
    found = Counter(_shape(text.replace("\n\t", "\n")) for text in executed)
    names = {
        _shape(statement): name
        for file in sorted(_SQL.glob("*.sql"))
        for name, statement in parse_statements(file.read_text()).items()
    }
    return Counter({names[shape]: number for shape, number in found.items() if shape in names})


def _shape(statement: str) -> str:
    """A statement with `?` for its parameters, whatever their names."""
    return re.sub(r"%\(\w+\)[sbt]|\$\d+", "?", statement).strip()
