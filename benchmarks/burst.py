"""a. 200 and 2,000 orders at once, with the default mock delays: time until all have ended, by the worker's batch size.

The 2,000 are posted 200 at a time: a POST that waits longer than ten seconds for an environment would be refused.
"""

import asyncio
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, Options, at_most, per_run
from benchmarks.invocations import reported
from benchmarks.load import place_orders
from testing.cloud import running_cloud

_LARGE_BATCH = 100


def measure(options: Options) -> list[Figure]:
    """Seconds from the first POST until the last order has ended, on a cloud that has just started and then again."""
    few, many = options.scaled(200, 10), options.scaled(2_000, 20)
    values = per_run(_run(few, many, MOCK_LATENCY=options.mock_latency) for _ in range(options.runs))
    batches = {"ORDERS_BATCH_SIZE": str(_LARGE_BATCH)}
    large = per_run(_run(few, many, MOCK_LATENCY=options.mock_latency, **batches) for _ in range(options.runs))
    return [
        Figure(f"{few:,} orders at once, cloud just started", "s", values["first"], at_most(4.5)),
        Figure(f"{few:,} orders at once, again", "s", values["second"], at_most(4.5)),
        Figure("the same, until the account's socket has heard of all", "s", values["told"]),
        Figure(f"{many:,} orders, {few:,} POSTs at once", "s", values["many"], at_most(15)),
        Figure("of it, until all are accepted", "s", values["accepted"]),
        Figure("its workers' billed time", "ms/order", values["billed"]),
        Figure(f"{few:,} orders at once, in batches of {_LARGE_BATCH}", "s", large["second"]),
        Figure(f"{many:,} orders, in batches of {_LARGE_BATCH}", "s", large["many"]),
        Figure(f"its workers' billed time, in batches of {_LARGE_BATCH}", "ms/order", large["billed"]),
    ]


def _run(few: int, many: int, **parameters: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory, running_cloud(Path(directory), **parameters) as cloud:
        first, second = (asyncio.run(place_orders(cloud, few, in_flight=few)) for _ in range(2))
        with reported(cloud) as reports:
            third = asyncio.run(place_orders(cloud, many, in_flight=few))
    return {
        "first": first.settled,
        "second": second.settled,
        "told": second.told,
        "many": third.settled,
        "accepted": third.posted,
        "billed": reports.billed_ms["WorkerFunction"] / many,
    }
