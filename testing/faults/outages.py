"""Measures by how many seconds outages delay orders, with the deployed defaults.

    python -m testing.faults.outages [--only queue,postgres_hangs] [--mock-latency 1]

Each outage has its own local cloud under a steady load, at the worst time relative to the sweeper's schedule.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import psycopg

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from testing.accounts import aws_client
from testing.bulk import send_to_worker
from testing.cloud import Cloud, running_cloud
from testing.engine import new_order, placed
from testing.faults import processes
from testing.faults.clients import Placed, listen, place
from testing.faults.invariants import FINISHED, Policy, Report, check
from testing.faults.proxies import AwsProxy, TcpProxy, aws_proxy, tcp_proxy
from testing.faults.states import DEV_ACCOUNT
from testing.postgres import TestServer

_ORDERS_PER_SECOND = 4
_WARM_UP_SECONDS = 25
_PATIENCE_SECONDS = 240
_NOTIFY_SECONDS = 75  # a killed worker's message is redelivered after a minute; only then is the final status pushed
POLICY = Policy.of({})


@dataclass(frozen=True)
class Deployment:
    """A running cloud, and the proxies between its functions and their dependencies."""

    cloud: Cloud
    database: TcpProxy
    aws: AwsProxy
    swept_at: float
    """When the sweeper's schedule started."""


Action = Callable[[Deployment], None]


@dataclass(frozen=True)
class Outage:
    """What fails, for how long (0: it is killed and restarts), and how soon after that all orders must have ended."""

    what: str
    begin: Action
    end: Action
    ends_after_sweep: float
    """Seconds from a sweep to the end of the outage; the worst case, since the next sweep is as late as possible."""
    limit: float
    """Seconds from the end of the outage by which every affected order must have ended."""
    seconds: float = 0
    burst: int = 0
    """Orders that are placed in the last seconds before the outage and queued in the last one, as messages to lose."""


def _aws_is_down(is_down: Callable[[str, str], bool]) -> Action:
    def set_is_down(deployment: Deployment) -> None:
        deployment.aws.is_down = is_down

    return set_is_down


def _kill(function: str) -> Action:
    def kill_environments(deployment: Deployment) -> None:
        for environment in processes.environments(deployment.cloud, function):
            with suppress(psutil.Error):
                environment.kill()

    return kill_environments


def _nothing(_: Deployment) -> None:
    pass


_AWS_IS_UP = _aws_is_down(lambda service, body: False)

OUTAGES = {
    "queue": Outage(
        "the orders queue accepts nothing for 90 s",
        _aws_is_down(lambda service, body: service == "sqs" and "OrdersQueue" in body),
        _AWS_IS_UP,
        seconds=90,
        ends_after_sweep=2,
        limit=90,
    ),
    "messages": Outage(
        "the queue server is killed and loses its messages",
        lambda deployment: processes.emulator(deployment.cloud).kill(),
        _nothing,
        ends_after_sweep=43,  # the last orders are due 20 s after they were placed, just after a sweep
        burst=300,
        limit=90,
    ),
    "dynamodb": Outage(
        "DynamoDB is unavailable for 60 s",
        _aws_is_down(lambda service, body: service == "dynamodb"),
        _AWS_IS_UP,
        seconds=60,
        ends_after_sweep=2,
        limit=30,
    ),
    "postgres_refuses": Outage(
        "Postgres refuses connections for 60 s",
        lambda deployment: deployment.database.refuse(),
        lambda deployment: deployment.database.heal(),
        seconds=60,
        ends_after_sweep=2,
        limit=90,
    ),
    "postgres_hangs": Outage(
        "Postgres does not respond for 60 s",
        lambda deployment: deployment.database.hang(),
        lambda deployment: deployment.database.heal(),
        seconds=60,
        ends_after_sweep=12,  # that minute's sweep has timed out
        limit=90,
    ),
    "workers": Outage(
        "every worker process is killed",
        _kill("WorkerFunction"),
        _nothing,
        ends_after_sweep=27,  # their leases expire just after a sweep
        burst=100,
        limit=110,
    ),
    "confirmations": Outage(
        "the confirmations queue accepts nothing for 60 s",
        _aws_is_down(lambda service, body: service == "sqs" and "ConfirmationsQueue" in body),
        _AWS_IS_UP,
        seconds=60,
        ends_after_sweep=2,
        limit=90,
    ),
    "confirmers": Outage(
        "every confirmer process is killed",
        _kill("ConfirmerFunction"),
        _nothing,
        ends_after_sweep=43,
        burst=300,
        limit=90,
    ),
}


@dataclass
class Load:
    """Places orders at a steady rate until `stopping`, and records when the account stream reports their end."""

    deployment: Deployment
    session: aiohttp.ClientSession
    ended_at: dict[str, float] = field(default_factory=dict)
    tasks: list[asyncio.Task[Placed]] = field(default_factory=list)
    stopping: bool = False

    async def run(self) -> None:
        while not self.stopping:
            self.place()
            await asyncio.sleep(1 / _ORDERS_PER_SECOND)

    def place(self) -> None:
        key = f"outage-{len(self.tasks)}"
        self.tasks.append(asyncio.create_task(place(self.deployment.cloud, self.session, key)))

    def on_event(self, event: dict[str, Any]) -> None:
        if event["terminal"]:
            self.ended_at.setdefault(event["orderId"], time.time())


@dataclass(frozen=True)
class Order:
    """One order's times, in seconds since 1970."""

    placed: Placed
    finished_at: float
    notified_at: float | None
    attempt: int
    status: str

    @property
    def took(self) -> float:
        """Seconds from the first request to the end."""
        return self.finished_at - self.placed.requested_at


@dataclass(frozen=True)
class Cost:
    """The measured effects of an outage."""

    outage: Outage
    began_at: float
    ended_at: float
    waiting: int
    """Messages in the orders queue when the outage began."""
    before: Sequence[Order]
    affected: Sequence[Order]
    """The orders that were open or requested during the outage."""
    report: Report

    @property
    def last(self) -> float:
        """Seconds from the end of the outage to the end of the last order that it affected."""
        return max(order.finished_at for order in self.affected) - self.ended_at

    @property
    def holds(self) -> bool:
        """Whether all orders ended in time and no invariant is broken."""
        return self.last <= self.outage.limit and not any(self.report.breaches.values())

    def __str__(self) -> str:
        delayed = [order.placed for order in self.affected if order.placed.failures]
        notified = [(order, order.notified_at) for order in self.affected if order.notified_at]
        after_the_end = _seconds([notified_at - order.finished_at for order, notified_at in notified])
        last = max((notified_at for _, notified_at in notified), default=self.ended_at) - self.ended_at
        failures = sum((placed.failures for placed in delayed), Counter[str]())
        accepted = [placed.accepted_at - placed.requested_at for placed in delayed]
        return "\n".join(
            [
                f"{self.outage.what}: {len(self.affected)} orders affected, {self.waiting} messages queued",
                f"  usual:    {_seconds([order.took for order in self.before])} from the request to the end",
                f"  affected: {_seconds([order.took for order in self.affected])} from the request to the end",
                f"  last end: {self.last:.1f} s after the outage (limit {self.outage.limit:g} s)",
                f"  notified: {after_the_end} after the end, the last one {last:.1f} s after the outage;"
                f" {len(self.affected) - len(notified)} not at all",
                f"  rejected: {len(delayed)} at first, {dict(failures)}; accepted after {_seconds(accepted)}",
                f"  ended:    {dict(Counter(f'{order.status} at attempt {order.attempt}' for order in self.affected))}",
            ]
        )


def _seconds(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} s (median), {max(values):.1f} s (most)" if values else "none"


async def measure(deployment: Deployment, outage: Outage) -> Cost:
    """Cause the outage under load, and wait until every order has ended and its client has been notified."""
    timeout, connector = aiohttp.ClientTimeout(60), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=deployment.cloud.headers, timeout=timeout, connector=connector) as session:
        load = Load(deployment, session)
        listener = asyncio.create_task(listen(deployment.cloud, session, load.on_event))
        steady = asyncio.create_task(load.run())
        begins_at = _next(
            deployment.swept_at + outage.ends_after_sweep - outage.seconds, time.time() + _WARM_UP_SECONDS
        )
        await asyncio.sleep(begins_at - 4 - time.time())
        burst = await _place(deployment.cloud, outage.burst)
        await asyncio.sleep(begins_at - 1 - time.time())
        await asyncio.to_thread(send_to_worker, deployment.cloud, [each.order_id for each in burst])
        await asyncio.sleep(begins_at - time.time())
        waiting = await asyncio.to_thread(_messages, deployment.cloud)
        began_at = time.time()
        await asyncio.to_thread(outage.begin, deployment)
        await asyncio.sleep(outage.seconds)
        await asyncio.to_thread(outage.end, deployment)
        ended_at = time.time()
        await asyncio.sleep(5)
        load.stopping = True
        await steady
        placed = [*burst, *await asyncio.gather(*load.tasks)]
        await _until_finished(deployment.cloud)
        with suppress(TimeoutError):
            async with asyncio.timeout(_NOTIFY_SECONDS):
                while len(load.ended_at) < len(placed):
                    await asyncio.sleep(0.1)
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
    orders = await asyncio.to_thread(_read, deployment.cloud, placed, load.ended_at)
    return Cost(
        outage,
        began_at,
        ended_at,
        waiting,
        before=[order for order in orders if order.finished_at < began_at],
        affected=[order for order in orders if order.finished_at >= began_at and order.placed.requested_at <= ended_at],
        report=await asyncio.to_thread(check, deployment.cloud.database_url, POLICY),
    )


async def _place(cloud: Cloud, orders: int) -> list[Placed]:
    """Store orders as the api does, but faster than over HTTP, and without queueing them."""
    database = Database(cloud.database_url)
    stored = []
    for _ in range(orders):
        new = new_order(account=DEV_ACCOUNT)
        stored.append(Placed(time.time(), str(new.id)))
        await placed(OrderStore(database), new)
    await database.close()
    return stored


def _next(phase: float, earliest: float) -> float:
    """The first time from `earliest` on that is a whole number of sweep intervals away from `phase`."""
    return earliest + (phase - earliest) % POLICY.sweep.total_seconds()


def _messages(cloud: Cloud) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = aws_client(cloud, "sqs").get_queue_attributes(QueueUrl=cloud.queues["OrdersQueue"], AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


async def _until_finished(cloud: Cloud) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while (await asyncio.to_thread(check, cloud.database_url, POLICY)).breaches[FINISHED]:
            await asyncio.sleep(1)


def _read(cloud: Cloud, placed: Sequence[Placed], notified_at: dict[str, float]) -> list[Order]:
    with psycopg.connect(cloud.database_url) as connection:
        rows = connection.execute(
            "SELECT id::text, extract(epoch FROM finished_at)::float8, attempt, status FROM orders"
        ).fetchall()
    facts = {order_id: (finished_at, attempt, status) for order_id, finished_at, attempt, status in rows}
    assert len(facts) == len(placed), f"{len(placed)} accepted, {len(facts)} stored"
    return [
        Order(each, facts[each.order_id][0], notified_at.get(each.order_id), *facts[each.order_id][1:])
        for each in placed
    ]


@contextmanager
def deployed(directory: Path, **settings: str) -> Iterator[Deployment]:
    """A cloud whose functions reach Postgres and AWS through proxies."""
    server = TestServer(directory / "postgres")
    try:
        with server.fresh_copy() as url, tcp_proxy(url) as database, aws_proxy() as aws:
            through = {"LOCAL_DATABASE_URL": database.url, "LOCAL_AWS_ENDPOINT_URL": aws.url}
            with running_cloud(directory / "cloud", **settings, **through) as cloud:
                aws.target = cloud.aws_url
                swept_at = (cloud.directory / "endpoints.json").stat().st_mtime
                yield Deployment(cloud, database, aws, swept_at)
    finally:
        server.stop()


def main() -> int:
    """Print the effects of each outage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(OUTAGES))
    parser.add_argument("--mock-latency", default="1")
    options = parser.parse_args()
    held = True
    for name in options.only.split(","):
        directory = Path(tempfile.mkdtemp(prefix=f"outage-{name}-"))
        with deployed(directory, MOCK_LATENCY=options.mock_latency) as deployment:
            cost = asyncio.run(measure(deployment, OUTAGES[name]))
        print(f"\n{cost}\n{cost.report}\ndata and logs: {directory}", flush=True)
        held = held and cost.holds
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
