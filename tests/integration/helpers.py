"""Helpers that several tests of the engine share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString

import psycopg

from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import History, Order
from order_engine.domain.transactions import Transaction
from order_engine.domain.transitions import building, submitted
from order_engine.domain.triggers import OrderType
from order_engine.use_cases.quote import quote
from testing.engine import Engine

LIMIT, STOP, SNIPER = OrderType.LIMIT, OrderType.STOP, OrderType.SNIPER
FAR_ABOVE = Decimal(10**6)
"""A price in USDC per SOL that no venue pays."""
CONFIRMED_ON_FIRST_ATTEMPT = ["pending", "routing", "building", "submitted", "confirmed"]


def in_seconds(seconds: float) -> datetime:
    """A time from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def code_of(history: History) -> str:
    """The error code with which the order, or its last attempt, failed."""
    assert history.order.facts.failure
    return history.order.facts.failure.code


def statuses(history: History) -> list[str]:
    """The statuses of the order's events, whose sequence numbers must have no gap."""
    assert [event.sequence for event in history.events] == list(range(1, len(history.events) + 1))
    return [str(event.status) for event in history.events]


async def crash_after_recording(engine: Engine, order: Order, *, sent: bool) -> Transaction:
    """Leave the order as a worker does that crashes after it recorded its transaction, before or after sending it."""
    (claim,) = await engine.claim(order)
    assert claim.order
    claimed = claim.order
    route = await quote(claimed.swap, engine.venues, timedelta(seconds=2))
    claimed = await engine.journal.record(building(claimed, route))
    venue = next(venue for venue in engine.venues if venue.name == route.best.venue)
    transaction = await venue.build(claimed, route.best, claimed.min_amount_out_for(route.best), in_seconds(15))
    await engine.journal.record(submitted(claimed, transaction))
    if sent:
        await engine.chain.send([transaction])
    return transaction


async def in_flight(engine: Engine, count: int) -> list[Order]:
    """Orders with a signed transaction that was not sent, whose workers have crashed."""
    orders = await engine.place(count)
    for order in orders:
        await crash_after_recording(engine, order, sent=False)
    return orders


@asynccontextmanager
async def held(engine: Engine, order: Order, write: LiteralString = "SELECT 1") -> AsyncIterator[None]:
    """Hold the order's row lock in another transaction, which executes `write` and commits at the end."""
    async with await psycopg.AsyncConnection.connect(engine.url) as other:
        await other.execute("SELECT FROM orders WHERE id = %s FOR NO KEY UPDATE", (order.id,))
        await other.execute(write, {"id": order.id} if "%(id)s" in write else None)
        yield


async def waiting_for_lock(engine: Engine) -> None:
    """Return once a statement waits for a lock."""
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while not await asyncio.to_thread(engine.sql, waiting):
        await asyncio.sleep(0.005)


async def place_resting(engine: Engine, type_: OrderType, price: object = None, **changes: Any) -> Order:
    """Store an order that waits for the market."""
    trigger_price = None if price is None else Decimal(str(price))
    return (await engine.place(type=type_, trigger_price=trigger_price, **changes))[0]


async def status_of(engine: Engine, order: Order) -> Status:
    """The order's status now."""
    return (await engine.history(order)).order.status
