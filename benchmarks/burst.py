"""a. 200 orders at once, mock delays as shipped: how long until all have ended."""

import asyncio
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, Options, at_most, per_run
from benchmarks.load import place_orders
from tests.cloud import running_cloud


def measure(options: Options) -> list[Figure]:
    """Seconds from the first POST to the last end, on a cloud that has just started and once more on the same."""
    orders = options.scaled(200, 10)
    values = per_run(_run(orders) for _ in range(options.runs))
    return [
        Figure(f"{orders} orders at once, cloud just started", "s", values["first"], at_most(8)),
        Figure(f"{orders} orders at once, again", "s", values["second"], at_most(8)),
        Figure("the same, until the account's socket has heard of all", "s", values["told"]),
    ]


def _run(orders: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory, running_cloud(Path(directory)) as cloud:
        first, second = (asyncio.run(place_orders(cloud, orders, in_flight=orders)) for _ in range(2))
    return {"first": first.settled, "second": second.settled, "told": second.told}
