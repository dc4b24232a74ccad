"""c. The worker alone, one process: orders per second, and their share of the rate of bare set-based SQL."""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks import database
from benchmarks.figures import Figure, Options, at_least, per_run
from benchmarks.functions import Measured, invoke_all, run_module
from benchmarks.profile import write
from benchmarks.stub_queue import stub_queue
from order_engine.domain.lifecycle import Status
from testing.bulk import place
from testing.postgres import TestServer

_BATCHES = (10, 100)  # the template's smallest (default) and largest batch size
_GOALS = {10: 1_000.0, 100: 2_500.0}
_WARM_UP = 5


def measure(options: Options) -> list[Figure]:
    """Orders/s of the worker and of the bare limit, in interleaved runs."""
    with tempfile.TemporaryDirectory() as directory, stub_queue() as queue:
        server = TestServer(Path(directory))
        try:
            runs = [
                {
                    name: value
                    for size in _BATCHES
                    for name, value in compare(server, queue, size, options.scaled(3_000, 300)).items()
                }
                for _ in range(options.runs)
            ]
            owners = [figure for size in _BATCHES for figure in _owners_of_cpu(server, queue, size, options)]
        finally:
            server.stop()
    values = per_run(runs)
    figures = [
        Figure(name, unit, values[name], goal)
        for size in _BATCHES
        for name, unit, goal in (
            (f"worker, batches of {size}", "orders/s", at_least(_GOALS[size])),
            (f"bare SQL, batches of {size}", "orders/s", None),
            (f"worker / bare SQL, batches of {size}", "", at_least(0.35)),
            (f"worker's CPU, batches of {size}", "ms/order", None),
            (f"bare SQL's CPU, batches of {size}", "ms/order", None),
            (f"commits a batch of {size}", "", None),
            (f"SendMessage a batch of {size}", "", None),
        )
    ]
    return [*figures, *owners]


def compare(server: TestServer, queue: str, size: int, orders: int) -> dict[str, float]:
    """One run of the worker and one of the bare limit, each on its own database."""
    with server.fresh_copy() as url:
        before = database.commits(url)
        measured = execute(url, queue, size, orders)
        database.wait_until_alone(url)
        committed = database.commits(url) - before
    with server.fresh_copy() as url:
        batches = _batches(url, size, orders // size)
        bare = bare_limit(url, batches)
        _check(url, batches)
    rate, limit = orders / sum(measured.walls), orders / bare["wall"]
    return {
        f"worker, batches of {size}": rate,
        f"bare SQL, batches of {size}": limit,
        f"worker / bare SQL, batches of {size}": rate / limit,
        f"worker's CPU, batches of {size}": measured.cpu / orders * 1000,
        f"bare SQL's CPU, batches of {size}": bare["cpu"] / orders * 1000,
        f"commits a batch of {size}": committed / (len(batches) + _WARM_UP),
        f"SendMessage a batch of {size}": measured.requests["SendMessage"] / len(batches),
    }


def execute(  # noqa: PLR0913 - what differs between the callers
    url: str, queue: str, size: int, orders: int, *, warm_up: int = _WARM_UP, sample: bool = False
) -> Measured:
    """Let one worker execute `orders` new orders in batches of `size`, after `warm_up` batches. All get confirmed."""
    batches = _batches(url, size, orders // size + warm_up)
    events = [_event(ids) for ids in batches]
    measured = invoke_all("WorkerFunction", events, warm_up, database_url=url, aws_url=queue, sample=sample)
    _check(url, batches)
    return measured


def _owners_of_cpu(server: TestServer, queue: str, size: int, options: Options) -> list[Figure]:
    orders = options.scaled(3_000, 300)
    with server.fresh_copy() as url:
        measured = execute(url, queue, size, orders, sample=True)
    if options.profile:
        write(f"worker batches of {size}", measured.functions)
    return measured.owners_of_cpu(f"worker's CPU, batches of {size}, threads apart", "ms/order", orders)


def bare_limit(url: str, batches: Sequence[Sequence[UUID]]) -> dict[str, float]:
    """Seconds of wall and CPU time that writing the same rows takes without the worker."""
    order = {"url": url, "batches": [[str(order_id) for order_id in ids] for ids in batches]}
    result: dict[str, float] = run_module("benchmarks.bare_limit", order)
    return result


def _batches(url: str, size: int, count: int) -> list[list[UUID]]:
    ids = place(url, size * count)
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _event(ids: Sequence[UUID]) -> dict[str, Any]:
    """An SQS event for these orders, as Lambda receives it."""
    return {"Records": [_record(order_id) for order_id in ids]}


def _record(order_id: UUID) -> dict[str, Any]:
    return {
        "messageId": str(order_id),
        "receiptHandle": "receipt",
        "body": json.dumps({"orderId": str(order_id)}),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(int(time.time() * 1000))},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:OrdersQueue",
        "awsRegion": "us-east-1",
    }


def _check(url: str, batches: Sequence[Sequence[UUID]]) -> None:
    """Check that the measured work was done: every order is confirmed, with its five events."""
    ids = [order_id for batch in batches for order_id in batch]
    of_status = "SELECT count(*) FROM orders WHERE id = ANY(%s) AND status = %s"
    confirmed = database.scalar(url, of_status, ids, Status.CONFIRMED)
    events = database.scalar(url, "SELECT count(*) FROM order_events WHERE order_id = ANY(%s)", ids)
    if (confirmed, events) != (len(ids), len(ids) * 5):
        raise AssertionError(f"{confirmed} orders of {len(ids)} confirmed, with {events} events")
