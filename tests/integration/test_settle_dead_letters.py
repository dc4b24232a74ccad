"""Settling the orders of messages that reached the dead-letter queue."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order
from order_engine.use_cases.settle_dead_letters import Settlement
from testing.engine import Engine, Recorder
from tests.integration.doubles import UnavailableVenue
from tests.integration.helpers import code_of, crash_after_recording

TIME_LIMIT = timedelta(seconds=20)


async def settle(engine: Engine, *orders: Order) -> Settlement:
    return await engine.dead_letters().settle([order.id for order in orders], TIME_LIMIT)


def settled(*orders: Order) -> Settlement:
    return Settlement({order.id for order in orders}, set())


async def test_an_order_with_attempts_left_is_requeued(engine: Engine) -> None:
    (order,) = await engine.place()
    assert await settle(engine, order) == settled(order)
    assert engine.recorder.delays == {order.id: timedelta()}
    assert (await engine.history(order)).order.status is Status.PENDING


async def test_an_order_in_its_backoff_is_requeued_with_a_delay(engine: Engine) -> None:
    (order,) = await engine.place()
    await engine.execute(order, venues=[UnavailableVenue()])
    wait = engine.recorder.postponed[order.id]
    assert await settle(engine, order) == settled(order)
    assert timedelta() < engine.recorder.delays[order.id] <= wait


async def test_a_dead_letter_is_kept_while_the_orders_queue_is_unavailable(engine: Engine) -> None:
    (order,) = await engine.place()
    engine.recorder.down = True
    assert await settle(engine, order) == settled()


async def test_a_leased_order_is_not_settled(engine: Engine) -> None:
    (order,) = await engine.place()
    await engine.claim(order)
    assert await settle(engine, order) == settled()
    assert not engine.recorder.sent


async def test_the_events_of_a_finished_order_are_published_again(engine: Engine) -> None:
    (order,) = await engine.place()
    await engine.execute(order)
    engine.recorder.events.clear()
    assert await settle(engine, order) == settled(order)
    assert [event.sequence for event in engine.recorder.events] == [1, 2, 3, 4, 5]


async def test_an_unknown_order_is_reported(engine: Engine) -> None:
    unknown = uuid4()
    assert await engine.dead_letters().settle([unknown], TIME_LIMIT) == Settlement(set(), {unknown})


async def test_an_order_in_flight_is_handed_over_to_the_confirmer(engine: Engine) -> None:
    (order,) = await engine.place()
    await crash_after_recording(engine, order, sent=True)
    assert await settle(engine, order) == settled(order)
    assert engine.recorder.handed_over == [([order.id], timedelta())]


async def test_an_unsigned_order_without_attempts_left_fails_once(engine: Engine) -> None:
    (order,) = await engine.place()
    for _ in range(3):
        await engine.claim(order)
        engine.expire_lease(order)
    done = await asyncio.gather(*(settle(engine, order) for _ in range(2)))
    assert settled(order) in done
    history = await engine.history(order)
    assert [event.status for event in history.events].count(Status.FAILED) == 1
    assert code_of(history) == "attempts_exhausted"


async def test_an_overdue_order_expires(engine: Engine) -> None:
    (order,) = await engine.place()
    engine.expire(order)
    assert await settle(engine, order) == settled(order)
    history = await engine.history(order)
    assert history.order.status is Status.EXPIRED
    assert code_of(history) == "order_expired"
    assert not engine.recorder.sent


async def test_the_dead_letter_of_an_order_of_an_unsupported_type_is_kept(engine: Engine) -> None:
    unsupported, supported = await engine.place(2)
    engine.sql("UPDATE orders SET type = 'iceberg' WHERE id = %s RETURNING id", unsupported.id)
    assert await settle(engine, unsupported, supported) == settled(supported)


async def test_orders_are_settled_concurrently_and_within_the_time_limit(engine: Engine) -> None:
    slow, quick = await engine.place(2)

    class PartlyHangingQueue(Recorder):
        """A queue that does not respond to the request for one order."""

        async def send(self, order_id: UUID, delay: timedelta = timedelta()) -> None:
            if order_id == slow.id:
                await asyncio.Event().wait()
            await super().send(order_id, delay)

    handler = engine.dead_letters(queue=PartlyHangingQueue())
    assert await handler.settle([slow.id, quick.id], timedelta(seconds=0.5)) == settled(quick)
