"""Places many orders at once and measures how long they take to end."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg

from benchmarks.processes import busy_seconds, cpu_seconds
from benchmarks.trader import Trader, trading
from testing.cloud import Cloud

_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Load:
    """The result of a run; seconds count from the first POST."""

    orders: int
    posted: float
    """Until the last POST was answered."""
    settled: float
    """Until no order was open."""
    told: float
    """Until the account's socket had received the terminal event of every order."""
    outcomes: Counter[str]
    cpu: dict[str, float]
    """CPU seconds by group of processes."""
    others: float
    """Cores that were busy with other processes, on average."""


async def place_orders(cloud: Cloud, orders: int, in_flight: int) -> Load:
    """Post `orders` orders, `in_flight` POSTs at once, with a socket subscribed; wait until all orders have ended."""
    async with trading(cloud) as trader:
        ids: list[str] = []

        async def place() -> None:
            ids.append(await trader.place())

        busy, used, began = busy_seconds(), cpu_seconds(cloud), time.time()
        await repeat(place, orders, in_flight)
        posted = time.time()
        await _until_settled(cloud)
        settled = time.time()
        ends = [await trader.end(order_id) for order_id in ids]
        cpu = cpu_seconds(cloud)
        cpu = {group: seconds - used.get(group, 0) for group, seconds in cpu.items()}
        others = max(0.0, busy_seconds() - busy - sum(cpu.values())) / (time.time() - began)
    told = max(end.ended_at for end in ends)
    outcomes = Counter(str(end.events[-1]["status"]) for end in ends)
    return Load(orders, posted - began, settled - began, told - began, outcomes, cpu, others)


async def follow_orders(trader: Trader, orders: int, in_flight: int) -> None:
    """Place `orders` orders, `in_flight` of them in flight at once, and wait until all have ended."""

    async def follow() -> None:
        await trader.end(await trader.place())

    await repeat(follow, orders, in_flight)


async def repeat(work: Callable[[], Awaitable[None]], times: int, at_once: int) -> None:
    """Run `work` `times` times, with `at_once` of the runs concurrently."""
    numbers = iter(range(times))

    async def lane() -> None:
        for _ in numbers:
            await work()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, times)):
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
