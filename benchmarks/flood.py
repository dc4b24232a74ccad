"""j. Two hundred concurrent requests without a key to each public route in turn, while orders are placed with a key."""

import asyncio
import tempfile
import time
from functools import partial
from pathlib import Path

import aiohttp

from benchmarks.figures import Figure, Options, at_most, per_run, percentile
from benchmarks.load import repeat
from benchmarks.trader import Trader, trading
from order_engine.contracts.openapi import openapi_document
from testing.cloud import Cloud, running_cloud

_OPEN = [
    path.replace("{file}", "main.js")
    for path, item in openapi_document()["paths"].items()
    if item.get("get", {}).get("security") == []
]
_TRADERS = 5


def measure(options: Options) -> list[Figure]:
    """Seconds until a POST with a key is answered and its order has ended; bytes of each public route's response."""
    at_once, rounds = options.scaled(200, 5), options.scaled(5, 1)
    with tempfile.TemporaryDirectory() as directory, running_cloud(Path(directory), MOCK_LATENCY="0") as cloud:
        values = per_run(asyncio.run(_run(cloud, at_once, rounds)) for _ in range(options.runs))
    goals = {"POST to its answer, p99": at_most(1)}
    return [
        Figure(name, "bytes" if name.startswith("GET") else "s", found, goals.get(name))
        for name, found in values.items()
    ]


async def _run(cloud: Cloud, at_once: int, rounds: int) -> dict[str, float]:
    sizes: dict[str, int] = {}
    posted: list[float] = []
    ended: list[float] = []
    async with trading(cloud) as trader, asyncio.TaskGroup() as group:
        flooding = group.create_task(_flood(cloud, sizes, at_once, rounds))
        for _ in range(_TRADERS):
            group.create_task(_trade(trader, posted, ended, flooding))
    return {
        "POST to its answer, p50": percentile(posted, 50),
        "POST to its answer, p99": percentile(posted, 99),
        "POST to confirmed, p99": percentile(ended, 99),
        **{f"GET {path}": size for path, size in sizes.items()},
    }


async def _flood(cloud: Cloud, sizes: dict[str, int], at_once: int, rounds: int) -> None:
    async def get(path: str) -> None:
        async with http.get(f"{cloud.http_url}{path}") as answer:
            assert answer.status == 200, (path, answer.status)
            sizes[path] = len(await answer.read())

    async def handshake() -> None:
        try:
            async with http.ws_connect(cloud.websocket_url):
                raise AssertionError("a handshake without a key succeeded")
        except aiohttp.WSServerHandshakeError as refused:
            assert refused.status == 401

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as http:
        for _ in range(rounds):
            for path in _OPEN:
                await repeat(partial(get, path), at_once, at_once)
            await repeat(handshake, at_once, at_once)


async def _trade(trader: Trader, posted: list[float], ended: list[float], while_running: asyncio.Task[None]) -> None:
    while not while_running.done():
        began = time.time()
        order_id = await trader.place()
        posted.append(time.time() - began)
        ended.append((await trader.end(order_id)).ended_at - began)
