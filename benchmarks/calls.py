"""i. Calls per order, counted at the wire, with one order under way and with a hundred.

A proxy counts what functions ask of SQS and DynamoDB (the local cloud's own polling does not go through it), and
Postgres's own log the statements. A statement is a round trip, but `histories`, which goes with `claim` in one; each
that writes is a commit.
"""

import asyncio
import re
import tempfile
from collections import Counter
from pathlib import Path

import psycopg
from aiohttp import web

from benchmarks.figures import Figure, Options, at_most, per_run
from benchmarks.load import follow_orders
from benchmarks.trader import trading
from order_engine.adapters.postgres.database import parse_statements
from tests.cloud import ROOT, Cloud, running_cloud
from tests.reliability.proxies import AwsProxy

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
        self.counts[f"{'SQS' if service == 'AmazonSQS' else 'DynamoDB'} {operation}"] += 1
        return await super()._handle(request)


def measure(options: Options) -> list[Figure]:
    """Requests and commits per order."""
    proxy = CountingProxy()
    try:
        with (
            tempfile.TemporaryDirectory() as directory,
            running_cloud(Path(directory), MOCK_LATENCY="0", LOCAL_AWS_ENDPOINT_URL=proxy.url) as cloud,
        ):
            proxy.target = cloud.aws_url
            log_statements(cloud)
            orders = {1: options.scaled(100, 3), 100: options.scaled(2_000, 100)}
            runs = [
                {
                    f"{name}, {at_once} in flight": value
                    for at_once, number in orders.items()
                    for name, value in asyncio.run(count(cloud, proxy, number, at_once)).items()
                }
                for _ in range(options.runs)
            ]
    finally:
        proxy.close()
    return [Figure(name, "per order", found, _GOALS.get(name)) for name, found in per_run(runs).items()]


def log_statements(cloud: Cloud) -> None:
    """Let Postgres write down every statement."""
    with psycopg.connect(cloud.database_url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")


async def count(cloud: Cloud, proxy: CountingProxy, orders: int, in_flight: int) -> dict[str, float]:
    """What each of so many orders took."""
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
        "Postgres round trips": statements.total() - statements["histories"],
        "commits besides the chain's": sum(commits.values()),
        "commits of the chain": statements["send"],
        **proxy.counts,
        **{f"SQL {name}": number for name, number in statements.items()},
    }
    return {name: number / orders for name, number in found.items()}


def statement_counts(log: str) -> Counter[str]:
    """How often each of the engine's statements stands in the log."""
    executed = re.findall(r"LOG:  execute [^:]*: (.*(?:\n\t.*)*)", log)
    found = Counter(_shape(text.replace("\n\t", "\n")) for text in executed)
    names = {
        _shape(statement): name
        for file in sorted(_SQL.glob("*.sql"))
        for name, statement in parse_statements(file.read_text()).items()
    }
    return Counter({names[shape]: number for shape, number in found.items() if shape in names})


def _shape(statement: str) -> str:
    """A statement whatever its parameters are called."""
    return re.sub(r"%\(\w+\)[sbt]|\$\d+", "?", statement).strip()
