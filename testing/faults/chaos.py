"""Load on a running local cloud under continuous fault injection; the invariants are checked throughout.

    python -m testing.faults.chaos --orders 10000 --seed 1
    python -m testing.faults.chaos --orders 1000 --seed 1 --defaults

Orders of all types are placed, and some are replaced and cancelled. Function processes are killed and frozen, Postgres
is stopped without a clean shutdown, the queue server is stopped and killed, messages are redelivered out of order, and
WebSocket connections are cut. --defaults uses the template's parameters; without it, leases, watchdogs and visibility
timeouts are so short that recovery takes seconds.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import psutil
import psycopg

from order_client import AsyncClient, RetryPolicy, Unauthenticated
from testing.accounts import aws_client
from testing.cloud import Cloud, running_cloud
from testing.faults import processes
from testing.faults.clients import listen
from testing.faults.crash_points import ROOT, quick_template
from testing.faults.invariants import FINISHED, Policy, Report, check
from testing.faults.traders import Trader

QUICK = {
    "MOCK_LATENCY": "0.1",
    "MOCK_FAILURE_RATE": "0.1",
    "BACKOFF_SECONDS": "1",
    # Shorter than the worker's timeout, unlike in any deployment, so that workers outlive their leases.
    "LEASE_SECONDS": "4",
    "WORKER_TIMEOUT": "15",
    "ORDERS_VISIBILITY_TIMEOUT": "6",
    "SWEEP_SCHEDULE": "rate(4 seconds)",
    "TRANSACTION_VALIDITY_SECONDS": "4",
    "TRIGGER_INTERVAL_SECONDS": "0.2",
    "LOCAL_CONCURRENCY": "5",
}
DEFAULTS: dict[str, str] = {}
_FROZEN_SECONDS = 5
_LATEST_SECONDS = 5
_ORDERS_PER_FAULT = 40
_POSTS_AT_ONCE = 64
_WATCHERS = 4
_STREAM_EVERY = 50
_STREAMS_END_SECONDS = 60
_CHECK_SECONDS = 3


@dataclass
class Chaos:
    """One run: the trader, the events that clients got, and the injected faults."""

    cloud: Cloud
    policy: Policy
    orders: int
    random: Random
    delivered: dict[tuple[str, int], str] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Rules that were broken at any time."""
    faults: Counter[str] = field(default_factory=Counter)
    streams: list[asyncio.Task[None]] = field(default_factory=list)
    sockets: set[aiohttp.ClientWebSocketResponse] = field(default_factory=set)

    async def run(self) -> None:
        """Place orders and inject faults until all are accepted, then wait without faults until all are finished."""
        async with aiohttp.ClientSession(headers=self.cloud.headers) as session:
            self.trader = Trader(self.cloud, session, self.random)
            await self.trader.find_market_price()
            watchers = [
                asyncio.create_task(listen(self.cloud, session, self._receive, self.sockets)) for _ in range(_WATCHERS)
            ]
            checks = asyncio.create_task(self._keep_checking())
            faults = asyncio.create_task(self._break_things())
            gate = asyncio.Semaphore(_POSTS_AT_ONCE)
            async with asyncio.TaskGroup() as load:
                for number in range(self.orders):
                    await gate.acquire()
                    # Wait for the faults, so that a fast engine is not finished before they happen.
                    while self.faults.total() < (number + 1) // _ORDERS_PER_FAULT:
                        await asyncio.sleep(0.05)
                    load.create_task(self._trade(number, gate))
            await _cancelled(faults)
            await self._until_all_are_finished()
            await asyncio.wait_for(asyncio.gather(*self.streams), _STREAMS_END_SECONDS)
            for task in (*watchers, checks):
                await _cancelled(task)

    async def _trade(self, number: int, gate: asyncio.Semaphore) -> None:
        try:
            order = await self.trader.place(f"chaos-{number}")
        finally:
            gate.release()
        if number % _STREAM_EVERY == 0:
            self.streams.append(asyncio.create_task(self._stream(order["orderId"])))
        await self.trader.change(order)

    async def _stream(self, order_id: str) -> None:
        """The client library, which resumes broken streams, must deliver every event once, in order."""
        there = {"url": self.cloud.http_url, "ws_url": self.cloud.websocket_url, "key": self.cloud.api_key}
        async with AsyncClient(**there, retries=RetryPolicy(max_attempts=50, quiet=5, max_backoff=2)) as client:
            sequences: list[int] = []
            ended = False
            while not ended:
                with suppress(Unauthenticated):  # the emulator has just been killed, and has no keys for a moment
                    async for event in client.stream(order_id, len(sequences)):
                        sequences.append(event.sequence)
                        self._compare(event.order_id, event.sequence, event.status)
                    ended = True
        if sequences != list(range(1, len(sequences) + 1)):
            self.contradictions.append(f"{order_id} was streamed as {sequences}")

    def _receive(self, event: Mapping[str, Any]) -> None:
        self._compare(event["orderId"], event["sequence"], event["status"])

    def _compare(self, order_id: str, sequence: int, status: str) -> None:
        known = self.delivered.setdefault((order_id, sequence), status)
        if known != status:
            self.contradictions.append(f"{order_id} #{sequence} was delivered as {known} and as {status}")

    async def _keep_checking(self) -> None:
        """Check every rule that must hold at any time, which is all of them except FINISHED."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            with suppress(psycopg.OperationalError):
                report = await asyncio.to_thread(check, self.cloud.database_url, self.policy)
                broken = {rule for rule, orders in report.breaches.items() if orders and rule != FINISHED}
                if broken - self.broken:
                    print(report, flush=True)
                self.broken |= broken

    async def _break_things(self) -> None:
        faults: list[tuple[int, str, Callable[[], Awaitable[None]]]] = [
            (10, "function process killed", self._kill_process),
            (2, "all processes of a function killed", self._kill_function),
            (4, "trigger killed", self._kill_trigger),
            (6, f"worker, confirmer or trigger frozen for {_FROZEN_SECONDS} s", self._freeze),
            (6, "messages redelivered, out of order and late", self._deliver_again),
            (4, "WebSocket connections cut", self._cut_sockets),
            (1, "Postgres stopped without a clean shutdown", self._crash_postgres),
            (1, "queue server stopped", self._stop_queues),
            (1, "queue server killed, its messages lost", self._kill_queues),
        ]
        weights = [weight for weight, _, _ in faults]
        while True:
            await asyncio.sleep(self.random.uniform(0.2, 1.2))
            ((_, name, fault),) = self.random.choices(faults, weights)
            with suppress(psutil.Error, IndexError, ValueError):
                await fault()
                self.faults[name] += 1

    async def _kill_process(self) -> None:
        self.random.choice(processes.environments(self.cloud)).kill()

    async def _kill_function(self) -> None:
        self.random.choice(processes.loaders(self.cloud)).kill()

    async def _kill_trigger(self) -> None:
        self.random.choice(processes.environments(self.cloud, "TriggerFunction")).kill()

    async def _freeze(self) -> None:
        function = self.random.choice(["WorkerFunction", "ConfirmerFunction", "TriggerFunction"])
        frozen = self.random.choice(processes.environments(self.cloud, function))
        frozen.suspend()
        asyncio.get_running_loop().call_later(_FROZEN_SECONDS, _resume, frozen)

    async def _deliver_again(self) -> None:
        orders = self.random.sample(self.trader.accepted[-200:], 20)
        for order_id in orders:
            await self._send("OrdersQueue", {"orderId": order_id})
        await self._send("ConfirmationsQueue", {"orderIds": orders})

    async def _send(self, queue: str, message: Mapping[str, Any]) -> None:
        client, body = aws_client(self.cloud, "sqs"), json.dumps(message)
        url, delay = self.cloud.queues[queue], self.random.randrange(_LATEST_SECONDS)
        with suppress(Exception):  # the queue server may be down
            await asyncio.to_thread(client.send_message, QueueUrl=url, MessageBody=body, DelaySeconds=delay)

    async def _cut_sockets(self) -> None:
        for socket in list(self.sockets):
            with suppress(Exception):
                socket._writer.transport.abort()

    async def _crash_postgres(self) -> None:
        processes.postgres(self.cloud).send_signal(signal.SIGQUIT)

    async def _stop_queues(self) -> None:
        processes.emulator(self.cloud).terminate()

    async def _kill_queues(self) -> None:
        processes.emulator(self.cloud).kill()

    async def _until_all_are_finished(self, seconds: float = 300) -> None:
        """Cancels the orders that rest, now or after a failed attempt."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            await self.trader.cancel_resting()
            with suppress(psycopg.OperationalError):
                report = await asyncio.to_thread(check, self.cloud.database_url, self.policy)
                if not report.breaches[FINISHED]:
                    return
            await asyncio.sleep(0.5)


def _resume(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.resume()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def inconsistencies(chaos: Chaos) -> list[str]:
    """Events and answers that clients got but that are not stored, and accepted orders that are not stored."""
    with psycopg.connect(chaos.cloud.database_url) as connection:
        facts = {
            (str(order), sequence): status
            for order, sequence, status in connection.execute("SELECT order_id, sequence, status FROM order_events")
        }
        stored = {str(order) for (order,) in connection.execute("SELECT id FROM orders")}
    wrong = [f"{key} was delivered as {status}" for key, status in chaos.delivered.items() if facts.get(key) != status]
    accepted = chaos.trader.accepted
    lost = [f"{order_id} was accepted but is not stored" for order_id in accepted if order_id not in stored]
    twice = [f"{len(accepted)} accepted, {len(stored)} stored"] if len(stored) != len(set(accepted)) else []
    return [*chaos.contradictions, *wrong, *lost, *twice, *chaos.trader.untrue_answers()]


def run(directory: Path, orders: int, seed: int, *, defaults: bool = False) -> tuple[Chaos, Report, list[str]]:
    """One run in `directory`; returns it with the report on the invariants and the inconsistencies that clients saw."""
    settings = DEFAULTS if defaults else QUICK
    for name in ("functions", "layers"):
        (directory / name).symlink_to(ROOT / name)
    template = None if defaults else quick_template(directory)
    with running_cloud(directory / "cloud", template, **settings) as cloud:
        chaos = Chaos(cloud, Policy.of(settings), orders, Random(seed))
        asyncio.run(chaos.run())
        return chaos, check(cloud.database_url, chaos.policy), inconsistencies(chaos)


def main() -> int:
    """Print the injected faults and whether the invariants held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--defaults", action="store_true")
    options = parser.parse_args()
    began = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"data and logs: {directory}", flush=True)
    chaos, report, wrong = run(directory, options.orders, options.seed, defaults=options.defaults)
    print(f"seed {options.seed}, {time.monotonic() - began:.0f} s")
    for name, count in chaos.faults.most_common():
        print(f"{count:6} x {name}")
    fenced = (
        (chaos.cloud.directory / "logs" / "WorkerFunction.log").read_text().count('"order changed by another process"')
    )
    print(f"{fenced:6} late writes of workers that were rejected")
    for answer, count in chaos.trader.answers.most_common():
        print(f"{count:6} orders {answer}")
    print(f"{len(chaos.delivered)} events delivered to clients, {len(chaos.streams)} orders streamed individually")
    print(report)
    wrong += [f"broken during the run: {rule}" for rule in chaos.broken]
    print(
        f"{'BREACH' if wrong else 'holds '}  clients got only what is stored"
        + "".join(f"\n  {line}" for line in wrong[:10])
    )
    return 1 if wrong or any(report.breaches.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
