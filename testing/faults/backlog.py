"""A deep queue of 20,000 waiting orders: memory, repeated claims, fairness and GET latency while it drains.

python -m testing.faults.backlog --orders 20000
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import psycopg

from testing.bulk import place, send_to_worker
from testing.cloud import Cloud, running_cloud
from testing.faults.invariants import FINISHED, Policy, check

SETTINGS = {"MOCK_LATENCY": "0", "LOCAL_CONCURRENCY": "4"}
POLICY = Policy.of(SETTINGS)


async def drain(cloud: Cloud) -> tuple[list[float], list[int]]:
    """Wait until all are finished; returns latencies of GETs (ms) and samples of the memory of all processes (MB)."""
    gets, memory = [], []
    async with httpx.AsyncClient(base_url=cloud.http_url, headers=cloud.headers, timeout=30) as http:
        while True:
            for _ in range(20):
                began = time.perf_counter()
                answer = await http.get("/api/orders", params={"limit": 10})
                gets.append((time.perf_counter() - began) * 1000)
                answer.raise_for_status()
                await asyncio.sleep(0.05)
            memory.append(_memory_of_all(cloud))
            if not check(cloud.database_url, POLICY).breaches[FINISHED]:
                return gets, memory


def _memory_of_all(cloud: Cloud) -> int:
    process = psutil.Process(cloud.pid)
    total = 0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += each.memory_full_info().pss
    return total // 2**20


def main() -> int:
    """Print the figures and the invariants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=20_000)
    orders = parser.parse_args().orders
    with (
        tempfile.TemporaryDirectory() as directory,
        running_cloud(Path(directory), **SETTINGS) as cloud,
    ):
        ids = place(cloud.database_url, orders)
        with psycopg.connect(cloud.database_url) as connection:
            connection.execute("UPDATE orders SET watchdog_at = now() + %s", (POLICY.watchdog,))
        send_to_worker(cloud, ids)
        began = time.monotonic()
        gets, memory = asyncio.run(drain(cloud))
        seconds = time.monotonic() - began
        with psycopg.connect(cloud.database_url) as connection:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE attempt > 1), max(abs(placed - finished)) FROM ("
                " SELECT attempt, rank() OVER (ORDER BY id) AS placed, rank() OVER (ORDER BY finished_at) AS finished"
                " FROM orders) AS ranks"
            ).fetchone()
        report = check(cloud.database_url, POLICY)
        logs = (cloud.directory / "logs").glob("SweeperFunction.log")  # none if there was no sweep
        requeued = sum(log.read_text().count('"message":"requeued') for log in logs)
    assert row
    quantiles = statistics.quantiles(gets, n=100)
    print(f"{orders} orders waiting, drained in {seconds:.0f} s ({orders / seconds:.0f}/s)")
    print(f"GET /api/orders meanwhile: p50 {quantiles[49]:.0f} ms, p99 {quantiles[98]:.0f} ms, {len(gets)} requests")
    print(f"memory of all processes: {memory[0]} MB at first, {max(memory)} MB at most, {memory[-1]} MB at the end")
    print(f"messages that the sweeper requeued: {requeued}")
    print(f"orders claimed more than once: {row[0]}; furthest from its place in the queue: {row[1]} places")
    print(report)
    return 1 if any(report.breaches.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
