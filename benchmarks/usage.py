"""k. What an order uses with the default mock delays: Lambda's time, calls, logs.

Measured with 1 and with 100 orders in flight. The local cloud writes each invocation's duration to invocations.log.
"""

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from benchmarks.calls import counting_cloud, counts
from benchmarks.figures import Figure, Options, per_run
from benchmarks.invocations import reported
from benchmarks.load import follow_orders
from benchmarks.processes import POSTGRES, cpu_seconds
from benchmarks.trader import trading
from testing.cloud import Cloud, running_cloud

FUNCTIONS = ("api", "worker", "confirmer", "notifier")


def measure(options: Options) -> list[Figure]:
    """Invocations, billed milliseconds, CPU and bytes of logs per order, by function; and calls, on another cloud."""
    orders = {1: options.scaled(20, 1), 100: options.scaled(1_000, 20)}
    with (
        tempfile.TemporaryDirectory() as directory,
        running_cloud(Path(directory), MOCK_LATENCY=options.mock_latency) as cloud,
    ):
        found = per_run(_used(cloud, orders) for _ in range(options.runs))
    with counting_cloud(MOCK_LATENCY=options.mock_latency) as (cloud, proxy):
        found |= per_run(counts(cloud, proxy, orders) for _ in range(options.runs))
    return [Figure(name, _unit(name), values) for name, values in found.items()]


def _used(cloud: Cloud, orders: Mapping[int, int]) -> dict[str, float]:
    return {
        f"{name}, {in_flight} in flight": value
        for in_flight, number in orders.items()
        for name, value in asyncio.run(_run(cloud, number, in_flight)).items()
    }


async def _run(cloud: Cloud, orders: int, in_flight: int) -> dict[str, float]:
    logs = cloud.directory / "logs"
    async with trading(cloud) as trader:
        await follow_orders(trader, min(2 * in_flight, orders), in_flight)
        sizes, cpu, began = _sizes(logs), cpu_seconds(cloud), time.monotonic()
        with reported(cloud) as reports:
            await follow_orders(trader, orders, in_flight)
        took = time.monotonic() - began
    used = {group: seconds - cpu.get(group, 0) for group, seconds in cpu_seconds(cloud).items()}
    logged = {name: size - sizes[name] for name, size in _sizes(logs).items()}
    found = {"seconds under way": took * min(in_flight, orders), "postgres: CPU": used[POSTGRES] * 1000}
    for name in FUNCTIONS:
        function = f"{name.capitalize()}Function"
        found |= {
            f"{name}: invocations": reports.invocations[function],
            f"{name}: billed": reports.billed_ms[function],
            f"{name}: CPU": used[name] * 1000,
            f"{name}: logs": logged.get(f"{function}.log", 0),
        }
    return {name: value / orders for name, value in found.items()}


def _sizes(logs: Path) -> Mapping[str, int]:
    return defaultdict(int, {file.name: file.stat().st_size for file in logs.glob("*.log")})


def _unit(name: str) -> str:
    kind = name.partition(",")[0].rpartition(": ")[2]
    return {"seconds under way": "s", "billed": "ms/order", "CPU": "ms/order", "logs": "bytes/order"}.get(
        kind, "per order"
    )
