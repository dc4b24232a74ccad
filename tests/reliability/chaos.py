"""Load on a running local cloud while everything around it breaks; at the end, what must always hold is checked.

    python -m tests.reliability.chaos --orders 10000 --seed 1

Processes of the functions are killed and frozen past their leases, Postgres is stopped without a shutdown, the queues'
server is stopped and killed, messages are delivered again and out of order, WebSockets are cut.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp
import psutil
import psycopg

from order_client import AsyncClient, Patience
from tests.accounts import aws_client
from tests.cloud import Cloud, running_cloud
from tests.reliability.invariants import Report, check
from tests.reliability.sabotage import ROOT, quick_template

SETTINGS = {
    "MOCK_LATENCY": "0.1",
    "MOCK_FAILURE_RATE": "0.1",
    "BACKOFF_SECONDS": "1",
    # A lease shorter than the worker's timeout, as it must never be deployed: workers outlive their leases.
    "LEASE_SECONDS": "4",
    "WORKER_TIMEOUT": "15",
    "ORDERS_VISIBILITY_TIMEOUT": "6",
    "WATCHDOG_SECONDS": "20",
    "SWEEP_SCHEDULE": "rate(4 seconds)",
    "TRANSACTION_VALIDITY_SECONDS": "4",
    "LOCAL_CONCURRENCY": "5",
}
_FROZEN_SECONDS = 5
_ORDERS_A_FAULT = 40
_POSTS_AT_ONCE = 64
_WATCHERS = 4
_STREAM_EVERY = 50


@dataclass
class Chaos:
    """One run: what was accepted, what was told, what was broken."""

    cloud: Cloud
    orders: int
    random: Random
    accepted: list[str] = field(default_factory=list)
    told: dict[tuple[str, int], str] = field(default_factory=dict)
    lies: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    streamed: int = 0
    sockets: set[aiohttp.ClientWebSocketResponse] = field(default_factory=set)

    async def run(self) -> None:
        """Load and faults until all orders are accepted; then peace, until every order is finished."""
        async with aiohttp.ClientSession(headers=self.cloud.headers) as session:
            watchers = [asyncio.create_task(self._watch(session)) for _ in range(_WATCHERS)]
            faults = asyncio.create_task(self._break_things())
            gate = asyncio.Semaphore(_POSTS_AT_ONCE)
            async with asyncio.TaskGroup() as load:
                for number in range(self.orders):
                    await gate.acquire()
                    # However fast the engine is, things break while it works.
                    while self.faults.total() < (number + 1) // _ORDERS_A_FAULT:
                        await asyncio.sleep(0.05)
                    load.create_task(self._place_and_release(session, number, gate))
            await _cancelled(faults)
            await self._until_all_are_finished()
            for watcher in watchers:
                await _cancelled(watcher)

    async def _place_and_release(self, session: aiohttp.ClientSession, number: int, gate: asyncio.Semaphore) -> None:
        try:
            order_id = await self._place(session, f"chaos-{number}")
        finally:
            gate.release()
        self.accepted.append(order_id)
        if number % _STREAM_EVERY == 0:
            await self._stream(order_id)

    async def _place(self, session: aiohttp.ClientSession, key: str) -> str:
        """Ask until it is accepted, always with the same key."""
        order = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1, "clientOrderId": key}
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                url = f"{self.cloud.http_url}/api/orders/execute"
                async with session.post(url, json=order, timeout=aiohttp.ClientTimeout(30)) as answer:
                    if answer.status in (200, 202):
                        return str((await answer.json())["orderId"])
                    assert answer.status >= 500, await answer.text()
            assert psutil.Process(self.cloud.pid).status() != psutil.STATUS_ZOMBIE, "the local cloud itself is gone"
            await asyncio.sleep(0.2)

    async def _stream(self, order_id: str) -> None:
        """A client that resumes by itself must see every step once, in order."""
        there = {"url": self.cloud.http_url, "ws_url": self.cloud.websocket_url, "key": self.cloud.api_key}
        async with AsyncClient(**there, patience=Patience(tries=50, quiet=5, longest_wait=2)) as client:
            sequences = []
            async for event in client.stream(order_id):
                sequences.append(event.sequence)
                self._hear(event.order_id, event.sequence, event.status)
        if sequences != list(range(1, len(sequences) + 1)):
            self.lies.append(f"{order_id} was streamed as {sequences}")
        self.streamed += 1

    async def _watch(self, session: aiohttp.ClientSession) -> None:
        """An account's stream that keeps what it is told, and comes back when it is cut off."""
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.ws_connect(self.cloud.websocket_url, heartbeat=None) as socket:
                    self.sockets.add(socket)
                    await socket.send_json({"action": "subscribe", "channel": "account"})
                    async for message in socket:
                        for event in json.loads(message.data).get("events", []):
                            self._hear(event["orderId"], event["sequence"], event["status"])
                    self.sockets.discard(socket)
            await asyncio.sleep(0.2)

    def _hear(self, order_id: str, sequence: int, status: str) -> None:
        known = self.told.setdefault((order_id, sequence), status)
        if known != status:
            self.lies.append(f"{order_id} #{sequence} was told as {known} and as {status}")

    async def _break_things(self) -> None:
        faults: list[tuple[int, str, Callable[[], Awaitable[None]]]] = [
            (12, "function process killed", self._kill_function),
            (4, "worker frozen past its lease", self._freeze_worker),
            (6, "messages delivered again, shuffled", self._deliver_again),
            (4, "WebSockets cut", self._cut_sockets),
            (1, "Postgres stopped without a shutdown", self._crash_postgres),
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

    async def _kill_function(self) -> None:
        self.random.choice(self._functions()).kill()

    async def _freeze_worker(self) -> None:
        worker = self.random.choice([process for process in self._functions() if _is_of(process, "WorkerFunction")])
        worker.suspend()
        asyncio.get_running_loop().call_later(_FROZEN_SECONDS, _resume, worker)

    async def _deliver_again(self) -> None:
        orders = self.random.sample(self.accepted[-200:], 20)
        client = aws_client(self.cloud, "sqs")
        for order_id in orders:
            with suppress(Exception):  # the queue server may be the one that is broken
                await asyncio.to_thread(
                    client.send_message,
                    QueueUrl=self.cloud.queues["OrdersQueue"],
                    MessageBody=json.dumps({"orderId": order_id}),
                )

    async def _cut_sockets(self) -> None:
        for socket in list(self.sockets):
            with suppress(Exception):
                socket._writer.transport.abort()  # type: ignore[union-attr]

    async def _crash_postgres(self) -> None:
        self._child("postgres").send_signal(signal.SIGQUIT)

    async def _stop_queues(self) -> None:
        self._child("emulator_main").terminate()

    async def _kill_queues(self) -> None:
        self._child("emulator_main").kill()

    def _functions(self) -> list[psutil.Process]:
        return [process for process in self._children() if "bootstrap.py" in " ".join(process.cmdline())]

    def _child(self, name: str) -> psutil.Process:
        (child, *_) = [process for process in self._children() if name in " ".join(process.cmdline()[:4])]
        return child

    def _children(self) -> list[psutil.Process]:
        return psutil.Process(self.cloud.pid).children()

    async def _until_all_are_finished(self, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):
                if not (await asyncio.to_thread(check, self.cloud.database_url)).breaches[_FINISHED]:
                    return
            await asyncio.sleep(0.5)


_FINISHED = "every order reaches a terminal state"


def _is_of(process: psutil.Process, function: str) -> bool:
    return process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == function


def _resume(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.resume()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def told_wrongly(chaos: Chaos) -> list[str]:
    """What clients were told that the database does not say, and accepted orders that it does not have."""
    with psycopg.connect(chaos.cloud.database_url) as connection:
        facts = {
            (str(order), sequence): status
            for order, sequence, status in connection.execute("SELECT order_id, sequence, status FROM order_events")
        }
        stored = {str(order) for (order,) in connection.execute("SELECT id FROM orders")}
    wrong = [f"{key} was told as {status}" for key, status in chaos.told.items() if facts.get(key) != status]
    lost = [f"{order_id} was accepted and is not there" for order_id in chaos.accepted if order_id not in stored]
    twice = [f"{len(chaos.accepted)} answers, {len(stored)} orders"] if len(stored) != len(set(chaos.accepted)) else []
    return [*chaos.lies, *wrong, *lost, *twice]


def run(directory: Path, orders: int, seed: int) -> tuple[Chaos, Report, list[str]]:
    """One run in a directory of its own; returns it with what the checkers found."""
    for name in ("functions", "layers"):
        (directory / name).symlink_to(ROOT / name)
    with running_cloud(directory / "cloud", quick_template(directory), **SETTINGS) as cloud:
        chaos = Chaos(cloud, orders, Random(seed))
        asyncio.run(chaos.run())
        return chaos, check(cloud.database_url), told_wrongly(chaos)


def main() -> int:
    """Print what was broken and whether all held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"data and logs: {directory}", flush=True)
    chaos, report, wrong = run(directory, options.orders, options.seed)
    print(f"seed {options.seed}, {time.monotonic() - began:.0f} s")
    for name, count in chaos.faults.most_common():
        print(f"{count:6} x {name}")
    print(f"{len(chaos.told)} events told on the account's streams, {chaos.streamed} orders streamed one by one")
    print(report)
    print(
        f"{'BREACH' if wrong else 'holds '}  clients were told what is so"
        + "".join(f"\n  {line}" for line in wrong[:10])
    )
    return 1 if wrong or any(report.breaches.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
