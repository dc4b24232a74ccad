"""The sweeper: orders without progress are sent again, at growing intervals."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from order_engine.domain.errors import QueueUnavailable
from order_engine.domain.orders import Order
from order_engine.use_cases.sweep import sweep
from testing.engine import LIFETIME, WATCHDOG, Engine
from tests.integration.doubles import UnavailableVenue
from tests.integration.helpers import in_seconds


def expire_watchdog(engine: Engine, order: Order, seconds: float) -> None:
    """Set the order's watchdog to this many seconds ago."""
    engine.sql(
        "UPDATE orders SET watchdog_at = now() - %s * interval '1 s' WHERE id = %s RETURNING id", seconds, order.id
    )


def watchdog(engine: Engine, order: Order) -> datetime:
    (row,) = engine.sql("SELECT watchdog_at FROM orders WHERE id = %s", order.id)
    at: datetime = row["watchdog_at"]
    return at


def wait_of(engine: Engine, order: Order) -> timedelta:
    (row,) = engine.sql("SELECT watchdog_at - now() AS wait FROM orders WHERE id = %s", order.id)
    wait: timedelta = row["wait"]
    return wait


async def swept(engine: Engine) -> int:
    return await sweep(engine.orders, engine.recorder, WATCHDOG)


async def test_a_new_order_is_due_when_its_watchdog_expires(engine: Engine) -> None:
    (order,) = await engine.place()
    assert watchdog(engine, order) == order.created_at + WATCHDOG
    assert await swept(engine) == 0
    expire_watchdog(engine, order, 1)
    assert await swept(engine) == 1
    assert engine.recorder.sent == [order.id]


async def test_each_sweep_doubles_the_interval_up_to_15_minutes(engine: Engine) -> None:
    (order,) = await engine.place(expires_at=in_seconds(86_400))
    waits = []
    for _ in range(8):
        expire_watchdog(engine, order, 1)
        assert await swept(engine) == 1
        waits.append(round(wait_of(engine, order).total_seconds(), -1))
    assert waits == [40, 80, 160, 320, 640, 900, 900, 900]


async def test_progress_resets_the_interval(engine: Engine) -> None:
    (order,) = await engine.place()
    for _ in range(3):
        expire_watchdog(engine, order, 1)
        await swept(engine)
    await engine.execute(order, venues=[UnavailableVenue()])
    (row,) = engine.sql("SELECT watchdog_at - not_before AS wait, sweeps FROM orders")
    assert row == {"wait": WATCHDOG, "sweeps": 0}


async def test_an_order_is_due_at_its_expiry_at_the_latest(engine: Engine) -> None:
    (order,) = await engine.place()
    for _ in range(5):
        expire_watchdog(engine, order, 1)
        await swept(engine)
    assert watchdog(engine, order) == order.expires_at
    assert wait_of(engine, order) < LIFETIME


async def test_a_claimed_order_is_due_when_its_lease_expires(engine: Engine) -> None:
    (order,) = await engine.place()
    await engine.claim(order)
    (row,) = engine.sql("SELECT lease_until = watchdog_at AS equal FROM orders")
    assert row["equal"]


async def test_orders_stay_due_while_the_queue_is_unavailable(engine: Engine) -> None:
    orders = await engine.place(3)
    for order in orders:
        expire_watchdog(engine, order, 1)
    engine.recorder.down = True
    with pytest.raises(QueueUnavailable):
        await swept(engine)
    engine.recorder.down = False
    assert await swept(engine) == 3
    assert await swept(engine) == 0


async def test_orders_that_the_queue_does_not_accept_stay_due(engine: Engine) -> None:
    orders = await engine.place(4)
    for number, order in enumerate(orders):
        expire_watchdog(engine, order, 100 - number)

    class PartlyFailingQueue:
        """A queue that accepts only the first two orders."""

        async def send(self, order_id: UUID, delay: timedelta = timedelta()) -> None:
            raise AssertionError

        async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> list[UUID]:
            return [order.id for order in orders[:2]]

    with pytest.raises(QueueUnavailable):
        await sweep(engine.orders, PartlyFailingQueue(), WATCHDOG)
    assert await swept(engine) == 2
    assert engine.recorder.sent == [order.id for order in orders[2:]]


async def test_the_longest_overdue_orders_are_sent_first_up_to_the_limit(engine: Engine) -> None:
    orders = await engine.place(1_200)
    for number, order in enumerate(orders[:5]):
        expire_watchdog(engine, order, 3600 - number)
    engine.sql("UPDATE orders SET watchdog_at = now() WHERE watchdog_at > now() RETURNING id")
    assert await sweep(engine.orders, engine.recorder, WATCHDOG, at_most=600) == 1_000, "whole pages"
    assert engine.recorder.sent[:5] == [order.id for order in orders[:5]]
    assert await swept(engine) == 200


async def test_an_order_of_an_unsupported_type_is_not_sent(engine: Engine) -> None:
    unsupported, supported = await engine.place(2)
    engine.sql("UPDATE orders SET type = 'iceberg' WHERE id = %s RETURNING id", unsupported.id)
    for order in (unsupported, supported):
        expire_watchdog(engine, order, 1)
    assert await swept(engine) == 1
    assert engine.recorder.sent == [supported.id]


async def test_the_watchdog_of_an_order_that_is_claimed_during_the_sweep_is_kept(engine: Engine) -> None:
    (order,) = await engine.place()
    expire_watchdog(engine, order, 1)
    assert await engine.orders.due(10) == [order.id]
    await engine.claim(order)
    before = watchdog(engine, order)
    await engine.orders.extend_watch([order.id], watchdog=WATCHDOG, longest=LIFETIME)
    assert watchdog(engine, order) == before
