"""The sweeper: what makes no progress is sent again, soon at first and ever more rarely."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from order_engine.domain.errors import QueueUnavailable
from order_engine.domain.orders import Order
from order_engine.use_cases.sweep import sweep
from tests.engine import LIFETIME, WATCHDOG, Engine
from tests.integration.conftest import Play
from tests.integration.test_execute import Away, in_seconds


def overdue_by(engine: Engine, order: Order, seconds: float) -> None:
    """Let time pass until the order is due."""
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


def test_a_new_order_is_due_after_the_watchdogs_time_and_not_before(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        assert watchdog(engine, order) == order.created_at + WATCHDOG
        assert await swept(engine) == 0
        overdue_by(engine, order, 1)
        assert await swept(engine) == 1
        assert engine.recorder.sent == [order.id]

    play(scenario)


def test_each_sweep_doubles_the_wait_up_to_a_quarter_of_an_hour(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place(expires_at=in_seconds(86_400))
        waits = []
        for _ in range(8):
            overdue_by(engine, order, 1)
            assert await swept(engine) == 1
            waits.append(round(wait_of(engine, order).total_seconds(), -1))
        assert waits == [40, 80, 160, 320, 640, 900, 900, 900]

    play(scenario)


def test_progress_ends_the_doubling(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        for _ in range(3):
            overdue_by(engine, order, 1)
            await swept(engine)
        await engine.execute(order, venues=[Away()])
        (row,) = engine.sql("SELECT watchdog_at - not_before AS wait, sweeps FROM orders")
        assert row == {"wait": WATCHDOG, "sweeps": 0}

    play(scenario)


def test_an_order_is_looked_at_when_its_own_time_is_over(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        for _ in range(5):
            overdue_by(engine, order, 1)
            await swept(engine)
        assert watchdog(engine, order) == order.expires_at
        assert wait_of(engine, order) < LIFETIME

    play(scenario)


def test_a_claimed_order_is_due_when_its_lease_ends(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.claim(order)
        (row,) = engine.sql("SELECT lease_until = watchdog_at AS equal FROM orders")
        assert row["equal"]

    play(scenario)


def test_what_the_queue_did_not_take_stays_due(play: Play) -> None:
    """An outage of the queue that spans a sweep costs its orders no time beyond the outage."""

    async def scenario(engine: Engine) -> None:
        orders = await engine.place(3)
        for order in orders:
            overdue_by(engine, order, 1)
        engine.recorder.down = True
        with pytest.raises(QueueUnavailable):
            await swept(engine)
        engine.recorder.down = False
        assert await swept(engine) == 3
        assert await swept(engine) == 0

    play(scenario)


def test_only_what_the_queue_did_take_waits_longer(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        orders = await engine.place(4)
        for number, order in enumerate(orders):
            overdue_by(engine, order, 100 - number)

        class Half:
            """A queue that fails in the middle."""

            async def send(self, order_id: UUID, delay: timedelta = timedelta()) -> None:
                raise AssertionError

            async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> list[UUID]:
                return [order.id for order in orders[:2]]

        with pytest.raises(QueueUnavailable):
            await sweep(engine.orders, Half(), WATCHDOG)
        assert await swept(engine) == 2
        assert engine.recorder.sent == [order.id for order in orders[2:]]

    play(scenario)


def test_the_longest_overdue_go_first_and_a_call_has_a_bound(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        orders = await engine.place(1_200)
        for number, order in enumerate(orders[:5]):
            overdue_by(engine, order, 3600 - number)
        engine.sql("UPDATE orders SET watchdog_at = now() WHERE watchdog_at > now() RETURNING id")
        assert await sweep(engine.orders, engine.recorder, WATCHDOG, at_most=600) == 1_000, "whole pages"
        assert engine.recorder.sent[:5] == [order.id for order in orders[:5]]
        assert await swept(engine) == 200

    play(scenario)


def test_an_order_of_another_releases_type_is_left_alone(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        other, mine = await engine.place(2)
        engine.sql("UPDATE orders SET type = 'iceberg' WHERE id = %s RETURNING id", other.id)
        for order in (other, mine):
            overdue_by(engine, order, 1)
        assert await swept(engine) == 1
        assert engine.recorder.sent == [mine.id]

    play(scenario)


def test_a_worker_that_claimed_between_send_and_extension_keeps_its_watchdog(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        overdue_by(engine, order, 1)
        assert await engine.orders.due(10) == [order.id]
        await engine.claim(order)
        before = watchdog(engine, order)
        await engine.orders.extend_watch([order.id], watchdog=WATCHDOG, longest=LIFETIME)
        assert watchdog(engine, order) == before

    play(scenario)
