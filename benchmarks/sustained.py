"""b. Orders per second through the whole local cloud and their CPU time: 64 POSTs in flight, no mock delays."""

import asyncio
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, Options, per_run
from benchmarks.load import Load, place_orders
from benchmarks.profile import profile_cloud
from order_engine.domain.lifecycle import Status
from testing.cloud import running_cloud

_IN_FLIGHT = 64
_WARM_UP = 300
_UNITS = {"CPU": "ms/order", "cores": ""}


def measure(options: Options) -> list[Figure]:
    """Orders per second, and CPU time per order by group of processes; each run on a new cloud."""
    orders = options.scaled(5_000, 50)
    values = per_run(_figures(_run(orders, options)) for _ in range(options.runs))
    return [Figure(name, _UNITS.get(name.partition(" ")[0], "/s"), found) for name, found in values.items()]


def _run(orders: int, options: Options) -> Load:
    with (
        tempfile.TemporaryDirectory() as directory,
        running_cloud(Path(directory), MOCK_LATENCY="0") as cloud,
    ):
        asyncio.run(place_orders(cloud, min(_WARM_UP, orders), _IN_FLIGHT))
        load = asyncio.run(place_orders(cloud, orders, _IN_FLIGHT))
        if options.profile:
            profile_cloud(cloud, orders, _IN_FLIGHT, load.told)
    if load.outcomes != {Status.CONFIRMED: orders}:
        raise AssertionError(load.outcomes)
    return load


def _figures(load: Load) -> dict[str, float]:
    return {
        "POSTs": load.orders / load.posted,
        "orders confirmed": load.orders / load.settled,
        "confirmations heard": load.orders / load.told,
        "CPU in all": sum(load.cpu.values()) / load.orders * 1000,
        "cores busy with something else": load.others,
        **{
            f"CPU of {group}": used / load.orders * 1000
            for group, used in sorted(load.cpu.items(), key=lambda item: -item[1])
            if used
        },
    }
