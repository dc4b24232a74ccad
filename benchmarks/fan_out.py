"""f. Events to a thousand sockets, all subscribed to one account or each to its own order, without mock delays."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.figures import Figure, Options, per_run, percentile
from benchmarks.load import repeat
from benchmarks.processes import FRONT_DOOR, memory_mb
from localcloud.processes import raise_file_limit
from testing.bulk import place, send_to_worker
from testing.cloud import Cloud, running_cloud

_EVENTS = 5  # per order that is confirmed at its first attempt
_CONNECTS_AT_ONCE = 20
_SILENCE_SECONDS = 15.0
"""Pushes are best effort: after this long without one, the wait for the rest ends."""

Delivery = tuple[int, str, int]
"""Socket, order, sequence."""


@dataclass
class Arrivals:
    """How long after its commit each event arrived at each socket, and when the last one arrived; in seconds."""

    ages: dict[Delivery, float] = field(default_factory=dict)
    last: float = 0.0

    def take(self, socket: int, text: str) -> None:
        now = time.time()
        for order_id, sequence, at in _events_in(text):
            if (socket, order_id, sequence) not in self.ages:
                self.ages[socket, order_id, sequence] = now - at
                self.last = now

    async def complete(self, number: int) -> None:
        """Wait until `number` events have arrived, or none for a while."""
        began = time.time()
        while len(self.ages) < number and time.time() - max(self.last, began) < _SILENCE_SECONDS:
            await asyncio.sleep(0.01)


def measure(options: Options) -> list[Figure]:
    """Both fan-outs on one cloud."""
    raise_file_limit()
    sockets, orders = options.scaled(1_000, 20), options.scaled(20, 2)
    with (
        tempfile.TemporaryDirectory() as directory,
        running_cloud(Path(directory), MOCK_LATENCY="0") as cloud,
    ):
        values = per_run(
            {
                **_named(f"{sockets} sockets on one account", asyncio.run(_one_account(cloud, sockets, orders))),
                **_named(f"{sockets} sockets on an order each", asyncio.run(_own_orders(cloud, sockets))),
            }
            for _ in range(options.runs)
        )
    units = {"delivered": "events/s", "missing": "events", "p99": "ms"}
    return [
        Figure(name, units.get(name.rpartition(": ")[2].split(" ")[0], "MB"), found) for name, found in values.items()
    ]


def _named(prefix: str, values: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}: {name}": value for name, value in values.items()}


async def _one_account(cloud: Cloud, sockets: int, orders: int) -> dict[str, float]:
    ids = _placed(cloud, orders)
    return await _deliver(cloud, ids, [{"action": "subscribe", "channel": "account"}] * sockets, each=sockets)


async def _own_orders(cloud: Cloud, sockets: int) -> dict[str, float]:
    ids = _placed(cloud, sockets)
    return await _deliver(cloud, ids, [{"orderId": order_id} for order_id in ids], each=1)


def _placed(cloud: Cloud, orders: int) -> list[str]:
    return [str(order_id) for order_id in place(cloud.database_url, orders)]


async def _deliver(cloud: Cloud, ids: list[str], messages: list[dict[str, str]], each: int) -> dict[str, float]:
    """Subscribe a socket with each message, then start the orders; every event goes to `each` sockets."""
    expected = len(ids) * _EVENTS * each
    async with _subscribed(cloud, messages) as arrivals:
        began = time.time()
        await asyncio.to_thread(send_to_worker, cloud, ids)
        await arrivals.complete(expected)
        memory = memory_mb(cloud)
    ages = arrivals.ages.values()
    return {
        "delivered": len(ages) / (arrivals.last - began),
        "missing": expected - len(ages),
        "p99 from commit to client": percentile(ages, 99) * 1000,
        "local cloud's memory": memory[FRONT_DOOR],
        "notifier's memory": memory["notifier"],
    }


@asynccontextmanager
async def _subscribed(cloud: Cloud, messages: Sequence[dict[str, str]]) -> AsyncIterator[Arrivals]:
    """Open a socket for each message and wait for its response; what arrives after that is recorded."""
    arrivals = Arrivals()
    numbers = iter(range(len(messages)))
    listening: list[asyncio.Task[None]] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=cloud.headers, connector=connector) as http:

        async def connect() -> None:
            number = next(numbers)
            socket = await http.ws_connect(cloud.websocket_url, max_msg_size=0)
            await socket.send_json(messages[number])
            await socket.receive_json()
            listening.append(asyncio.create_task(_listen(socket, number, arrivals)))

        await repeat(connect, len(messages), _CONNECTS_AT_ONCE)
        try:
            yield arrivals
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)


async def _listen(socket: aiohttp.ClientWebSocketResponse, number: int, arrivals: Arrivals) -> None:
    async for message in socket:
        arrivals.take(number, message.data)


@lru_cache(maxsize=1_000)
def _events_in(text: str) -> list[tuple[str, int, float]]:
    """Order, sequence and commit time of each event in a frame; the same frame goes to many sockets."""
    frame: dict[str, Any] = json.loads(text)
    events = frame["events"] if frame["type"] == "events" else [frame] if frame["type"] == "status" else []
    return [(event["orderId"], event["sequence"], datetime.fromisoformat(event["at"]).timestamp()) for event in events]
