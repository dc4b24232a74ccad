"""A deep queue: 20,000 orders wait at once. Memory, repeats, fairness and the time of a GET while it drains.

python -m tests.reliability.backlog --orders 20000
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import psycopg

from tests.accounts import aws_client
from tests.cloud import Cloud, running_cloud
from tests.reliability.invariants import check

_INSERT = """
    WITH placed AS (
        INSERT INTO orders (account, type, token_in, token_out, amount_in, slippage_bps, watchdog_at)
        SELECT 'demo', 'market', 'SOL', 'USDC', 1, 50, now() + interval '15 minutes' FROM generate_series(1, %s)
        RETURNING id, sequence, status, attempt, created_at, details
    ), first_event AS (
        INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
        SELECT id, sequence, status, attempt, created_at, details FROM placed
    )
    SELECT id FROM placed ORDER BY id"""


def fill(cloud: Cloud, orders: int) -> None:
    """Place orders behind the api's back, all at once."""
    with psycopg.connect(cloud.database_url) as connection:
        ids = [str(row[0]) for row in connection.execute(_INSERT, (orders,))]
    queue = aws_client(cloud, "sqs")
    for start in range(0, orders, 10):
        entries = [
            {"Id": str(index), "MessageBody": json.dumps({"orderId": order_id})}
            for index, order_id in enumerate(ids[start : start + 10])
        ]
        queue.send_message_batch(QueueUrl=cloud.queues["OrdersQueue"], Entries=entries)


async def drain(cloud: Cloud) -> tuple[list[float], list[int]]:
    """Until all are finished: how long GETs took (ms), and how much memory all processes had (MB)."""
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
            if not check(cloud.database_url).breaches["every order reaches a terminal state"]:
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
        running_cloud(Path(directory), MOCK_LATENCY="0", LOCAL_CONCURRENCY="4") as cloud,
    ):
        fill(cloud, orders)
        began = time.monotonic()
        gets, memory = asyncio.run(drain(cloud))
        seconds = time.monotonic() - began
        with psycopg.connect(cloud.database_url) as connection:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE attempt > 1), max(abs(placed - finished)) FROM ("
                " SELECT attempt, rank() OVER (ORDER BY id) AS placed, rank() OVER (ORDER BY finished_at) AS finished"
                " FROM orders) AS ranks"
            ).fetchone()
        report = check(cloud.database_url)
    assert row
    quantiles = statistics.quantiles(gets, n=100)
    print(f"{orders} orders waiting, drained in {seconds:.0f} s ({orders / seconds:.0f}/s)")
    print(f"GET /api/orders meanwhile: p50 {quantiles[49]:.0f} ms, p99 {quantiles[98]:.0f} ms, {len(gets)} requests")
    print(f"memory of all processes: {memory[0]} MB at first, {max(memory)} MB at most, {memory[-1]} MB at last")
    print(f"orders claimed more than once: {row[0]}; furthest from its turn: {row[1]} places")
    print(report)
    return 1 if any(report.breaches.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
