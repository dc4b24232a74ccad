"""Creates orders in the states that functions may find, directly in the database; not swept for twenty seconds."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from order_engine.domain.errors import AlreadySubmitted, VenueUnavailable
from order_engine.domain.orders import Order
from order_engine.domain.transitions import building, failed, submitted
from order_engine.domain.triggers import OrderType, PriceSample, crossing_of
from order_engine.use_cases.quote import quote
from testing.cloud import Cloud
from testing.engine import WATCHDOG, Engine

DEV_ACCOUNT = "demo"
AN_HOUR = timedelta(hours=1)
FAR_ABOVE = Decimal(10**6)

State = Callable[[Engine], Awaitable[Order]]


def create_order(cloud: Cloud, state: State) -> str:
    """The id of a new order in this state."""

    async def work() -> str:
        engine = Engine(cloud.database_url)
        order = await state(engine)
        await engine.database.close()
        return str(order.id)

    return asyncio.run(work())


async def unclaimed(engine: Engine) -> Order:
    (order,) = await engine.place(account=DEV_ACCOUNT)
    return order


async def abandoned(engine: Engine, attempts: int = 1) -> Order:
    """This many attempts were begun, and the leases of all of their workers have expired."""
    order = await unclaimed(engine)
    for _ in range(attempts):
        await engine.claim(order, lease=AN_HOUR)
        engine.expire_lease(order)
    return order


async def exhausted(engine: Engine) -> Order:
    return await abandoned(engine, attempts=3)


async def overdue(engine: Engine) -> Order:
    order = await unclaimed(engine)
    engine.expire(order)
    return order


async def due(engine: Engine) -> Order:
    """The next sweep requeues it."""
    order = await unclaimed(engine)
    await engine.orders.mark_due([order.id])
    return order


async def signed(engine: Engine) -> Order:
    """Its worker died before it sent the transaction."""
    return await _signed(engine, await unclaimed(engine), min_amount_out=Decimal(1))


async def _signed(engine: Engine, order: Order, min_amount_out: Decimal) -> Order:
    (claim,) = await engine.claim(order, lease=AN_HOUR)
    assert claim.order
    route = await quote(order.swap, engine.venues, timedelta(seconds=2))
    order = await engine.journal.record(building(claim.order, route))
    in_a_minute = datetime.now(UTC) + timedelta(minutes=1)
    transaction = await engine.venues[0].build(order, route.best, min_amount_out, in_a_minute)
    return await engine.journal.record(submitted(order, transaction))


async def signed_and_expired(engine: Engine) -> Order:
    """The transaction can no longer land."""
    order = await signed(engine)
    engine.outdate_transaction(order)
    return order


async def resting(engine: Engine) -> Order:
    """The market is far from its price."""
    (order,) = await engine.place(account=DEV_ACCOUNT, type=OrderType.LIMIT, trigger_price=FAR_ABOVE)
    return order


async def reached(engine: Engine) -> Order:
    """Rests, although the market has reached its price."""
    (order,) = await engine.place(account=DEV_ACCOUNT, type=OrderType.LIMIT, trigger_price=Decimal(1))
    return order


async def activated(engine: Engine) -> Order:
    """Pending, but its price is gone again."""
    order = await resting(engine)
    crossing = crossing_of(order.pair, order.type, PriceSample(FAR_ABOVE, "raydium", datetime.now(UTC)))
    assert crossing
    (order,) = await engine.triggers.activate([crossing], watchdog=WATCHDOG, limit=1)
    return order


async def price_gone(engine: Engine) -> Order:
    """Its transaction has failed, because it paid less than the limit."""
    order = await _signed(engine, await activated(engine), min_amount_out=FAR_ABOVE)
    assert order.transaction
    await engine.chain.send([order.transaction])
    return order


async def cancel_requested(engine: Engine) -> Order:
    """The transaction can no longer land, and the cancellation came too late to stop it."""
    order = await signed_and_expired(engine)
    with suppress(AlreadySubmitted):
        await engine.cancel(order)
    return order


async def long_finished(engine: Engine) -> Order:
    """Placed two days ago, according to its id, and finished then."""
    (row,) = engine.sql("SELECT uuidv7(interval '-2 days') AS id")
    (order,) = await engine.place(id=row["id"], account=DEV_ACCOUNT)
    (claim,) = await engine.claim(order)
    assert claim.order
    order = await engine.journal.record(failed(claim.order, VenueUnavailable()))
    engine.sql("UPDATE orders SET finished_at = now() - interval '2 days' WHERE id = %s RETURNING id", order.id)
    return order
