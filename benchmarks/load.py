"""Orders sent to a running local cloud over HTTP, and how long until each has ended."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
import psycopg

from benchmarks.processes import cpu_seconds
from tests.cloud import Cloud

_BODY = json.dumps({"tokenIn": "SOL", "tokenOut": "USDC", "amount": "1"})
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 300


@dataclass
class Load:
    """What came of it; seconds count from the first POST."""

    orders: int
    posted: float = 0.0
    """Until the last POST was answered."""
    settled: float = 0.0
    """Until no order was open any more."""
    told: float = 0.0
    """Until the account's socket had heard the end of every order."""
    outcomes: Counter[str] = field(default_factory=Counter)
    cpu: Counter[str] = field(default_factory=Counter)
    """CPU seconds by group of processes."""


async def place_orders(cloud: Cloud, orders: int, in_flight: int) -> Load:
    """Post so many orders, so many at once, while a socket listens to the account; wait until all have ended."""
    load = Load(orders)
    async with (
        aiohttp.ClientSession(
            headers=cloud.headers, connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(60)
        ) as http,
        http.ws_connect(cloud.websocket_url, max_msg_size=0) as socket,
    ):
        await socket.send_json({"action": "subscribe", "channel": "account"})
        await socket.receive_json()
        used, began = cpu_seconds(cloud), time.perf_counter()
        listening = asyncio.create_task(_listen(socket, load, began))
        await _post_all(http, f"{cloud.http_url}/api/orders/execute", orders, in_flight)
        load.posted = time.perf_counter() - began
        await _until_settled(cloud)
        load.settled = time.perf_counter() - began
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await listening
        load.cpu = cpu_seconds(cloud)
        load.cpu.subtract(used)
    return load


async def _post_all(http: aiohttp.ClientSession, url: str, orders: int, in_flight: int) -> None:
    numbers = iter(range(orders))

    async def lane() -> None:
        for _ in numbers:
            async with http.post(url, data=_BODY, headers={"Content-Type": "application/json"}) as answer:
                await answer.read()
                answer.raise_for_status()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(in_flight, orders)):
            group.create_task(lane())


async def _until_settled(cloud: Cloud) -> None:
    async with await psycopg.AsyncConnection.connect(cloud.database_url, autocommit=True) as connection:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            # The partial index of open orders answers this at once.
            cursor = await connection.execute("SELECT 1 FROM orders WHERE watchdog_at IS NOT NULL LIMIT 1")
            if await cursor.fetchone() is None:
                return
            await asyncio.sleep(_LOOK_SECONDS)
    raise TimeoutError(f"orders are still open after {_PATIENCE_SECONDS} s")


async def _listen(socket: aiohttp.ClientWebSocketResponse, load: Load, began: float) -> None:
    ended: set[str] = set()
    async for message in socket:
        for event in json.loads(message.data).get("events", ()):
            if event["terminal"] and event["orderId"] not in ended:
                ended.add(event["orderId"])
                load.outcomes[event["status"]] += 1
        if len(ended) >= load.orders:
            load.told = time.perf_counter() - began
            return
