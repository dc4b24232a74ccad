"""Measures how long transactions stay in flight when a worker or the confirmers fail, with the deployed defaults.

    python -m testing.faults.in_flight [--orders 10000]

Prints, for each case, the seconds from the failure to the end of its orders, and checks every invariant.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from testing.accounts import aws_client
from testing.cloud import Cloud, client_of, running_cloud
from testing.engine import Engine
from testing.faults import processes
from testing.faults.crash_points import CrashPoints
from testing.faults.invariants import Policy, check
from testing.faults.states import DEV_ACCOUNT, create_order, signed_and_expired
from testing.polling import eventually

_BATCH = 100
_TIME_LIMIT_SECONDS = 240
_ORDER = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1}
POLICY = Policy.of({})


def worker_dies(cloud: Cloud, crash_points: CrashPoints, moment: str) -> str:
    """The id of an order whose worker dies before or after it sent the transaction."""
    with crash_points.crash("worker", "MockChain.send", moment), client_of(cloud) as http:
        answer = http.post("/api/orders/execute", json=_ORDER)
        answer.raise_for_status()
    return str(answer.json()["orderId"])


def seconds_to_the_end(cloud: Cloud, fail: Callable[[], str]) -> float:
    """Seconds from the failure to the end of its order."""
    order_id = fail()
    began = time.time()

    def finished_at() -> float | None:
        with psycopg.connect(cloud.database_url) as connection:
            row = connection.execute(
                "SELECT extract(epoch FROM finished_at)::float8 FROM orders WHERE id = %s", (order_id,)
            ).fetchone()
        assert row
        return float(row[0]) if row[0] else None

    return eventually(finished_at, "the order has ended", _TIME_LIMIT_SECONDS) - began


@contextmanager
def frozen(cloud: Cloud, function: str) -> Iterator[None]:
    """Freeze every environment of the function, including those that are started meanwhile."""
    thawed = threading.Event()

    def freeze() -> None:
        while not thawed.wait(0.1):
            for environment in processes.environments(cloud, function):
                with suppress(psutil.Error):
                    environment.suspend()

    thread = threading.Thread(target=freeze)
    thread.start()
    try:
        yield
    finally:
        thawed.set()
        thread.join()
        for environment in processes.environments(cloud, function):
            with suppress(psutil.Error):
                environment.resume()


async def send_transactions(cloud: Cloud, orders: int) -> None:
    """Execute this many orders in this process up to `submitted`, and hand them over to the confirmer."""
    queue, url = aws_client(cloud, "sqs"), cloud.queues["ConfirmationsQueue"]
    engine = Engine(cloud.database_url, latency=1)
    for _ in range(0, orders, _BATCH):
        await engine.execute(*await engine.place(_BATCH, account=DEV_ACCOUNT))
    await engine.database.close()
    for ids, _ in engine.recorder.handed_over:
        body = json.dumps({"orderIds": list(map(str, ids))})
        await asyncio.to_thread(queue.send_message, QueueUrl=url, MessageBody=body)


def settled_after(cloud: Cloud, orders: int, frozen_seconds: float) -> float:
    """Seconds from the time when the confirmers are resumed to the end of the last of this many orders in flight."""
    with frozen(cloud, "ConfirmerFunction"):
        asyncio.run(send_transactions(cloud, orders))
        time.sleep(frozen_seconds)
    began = time.time()
    with psycopg.connect(cloud.database_url, autocommit=True) as connection:
        eventually(
            lambda: connection.execute("SELECT 1 FROM orders WHERE watchdog_at IS NOT NULL LIMIT 1").fetchone() is None,
            "all orders have ended",
            _TIME_LIMIT_SECONDS,
        )
    return time.time() - began


def main() -> int:
    """Print the figures of each case, and whether the invariants held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        crash_points = CrashPoints(Path(directory), quick=False)
        cases: dict[str, Callable[[Cloud], str]] = {
            "signed by a worker that died before sending it": lambda cloud: worker_dies(cloud, crash_points, "before"),
            "sent by a worker that died right after that": lambda cloud: worker_dies(cloud, crash_points, "after"),
            "can never land": lambda cloud: create_order(cloud, signed_and_expired),
        }
        with running_cloud(Path(directory) / "cloud", crash_points.template) as cloud:
            for case, fail in cases.items():
                took = [seconds_to_the_end(cloud, lambda fail=fail: fail(cloud)) for _ in range(options.repeats)]  # type: ignore[misc]
                print(f"{case}: {statistics.median(took):.1f} s (median), {max(took):.1f} s (maximum)", flush=True)
            took_all = settled_after(cloud, options.orders, frozen_seconds=60)
            print(f"{options.orders} in flight, confirmers frozen for 60 s: settled {took_all:.1f} s later", flush=True)
            report = check(cloud.database_url, POLICY)
    print(report)
    return 1 if any(report.breaches.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
