"""e. One order at a time, no mock delays: the time from the POST to the confirmation on the socket, and its parts."""

import asyncio
import tempfile
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Options, at_most, per_run, percentile
from benchmarks.trader import Trader, trading
from order_engine.domain.lifecycle import Status
from testing.cloud import Cloud, running_cloud

_STEPS = (Status.PENDING, Status.ROUTING, Status.BUILDING, Status.SUBMITTED, Status.CONFIRMED)
_WARM_UP = 20


def measure(options: Options) -> list[Figure]:
    """Milliseconds: p50 and p99 of the whole time, and p50 of each part of it."""
    with (
        tempfile.TemporaryDirectory() as directory,
        running_cloud(Path(directory), MOCK_LATENCY="0") as cloud,
    ):
        values = per_run(asyncio.run(_run(cloud, options.scaled(200, 5))) for _ in range(options.runs))
    goals = {"POST to confirmed, p50": at_most(12)}
    return [Figure(name, "ms", found, goals.get(name)) for name, found in values.items()]


async def _run(cloud: Cloud, orders: int) -> dict[str, float]:
    async with trading(cloud) as trader:
        for _ in range(min(_WARM_UP, orders)):
            await _follow(trader)
        parts = per_run([await _follow(trader) for _ in range(orders)])
    whole = parts.pop("whole")
    return {
        "POST to confirmed, p50": percentile(whole, 50),
        "POST to confirmed, p99": percentile(whole, 99),
        **{f"{name}, p50": percentile(found, 50) for name, found in parts.items()},
    }


async def _follow(trader: Trader) -> dict[str, float]:
    """One order's times in milliseconds: the whole, and the parts between its events, by the events' timestamps."""
    began = time.time()
    order_id = await trader.place()
    answered = time.time()
    heard = await trader.end(order_id)
    # An event may arrive twice: events that were committed before a claim are announced again.
    at = {event["status"]: _seconds(event) for event in heard.events}
    marks = [("POST", began), *((status, at[status]) for status in _STEPS), ("client", heard.ended_at)]
    return {
        "whole": (heard.ended_at - began) * 1000,
        "POST to its answer": (answered - began) * 1000,
        **{f"{a} to {b}": (later - earlier) * 1000 for (a, earlier), (b, later) in pairwise(marks)},
    }


def _seconds(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()
