"""The last resort for orders whose messages were received too often."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order
from order_engine.use_cases.settle_dead_letters import Settlement
from tests.engine import Engine, Recorder
from tests.integration.conftest import Play
from tests.integration.test_execute import Away, code_of, die_after_recording

LONG = timedelta(seconds=20)


async def settle(engine: Engine, *orders: Order) -> Settlement:
    return await engine.dead_letters().settle([order.id for order in orders], LONG)


def settled(*orders: Order) -> Settlement:
    return Settlement({order.id for order in orders}, set())


def test_an_order_with_attempts_left_goes_back_to_the_queue(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        assert await settle(engine, order) == settled(order)
        assert engine.recorder.delays == {order.id: timedelta()}
        assert (await engine.history(order)).order.status is Status.PENDING

    play(scenario)


def test_an_order_in_its_backoff_goes_back_to_the_queue_with_a_delay(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.execute(order, venues=[Away()])
        wait = engine.recorder.postponed[order.id]
        assert await settle(engine, order) == settled(order)
        assert timedelta() < engine.recorder.delays[order.id] <= wait

    play(scenario)


def test_while_the_queue_is_down_the_message_stays(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        engine.recorder.down = True
        assert await settle(engine, order) == settled()

    play(scenario)


def test_an_order_that_a_worker_has_is_left_alone(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.claim(order)
        assert await settle(engine, order) == settled()
        assert not engine.recorder.sent

    play(scenario)


def test_a_finished_order_is_announced_again(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.execute(order)
        engine.recorder.events.clear()
        assert await settle(engine, order) == settled(order)
        assert [event.sequence for event in engine.recorder.events] == [1, 2, 3, 4, 5]

    play(scenario)


def test_an_unknown_order_is_named(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        ghost = uuid4()
        assert await engine.dead_letters().settle([ghost], LONG) == Settlement(set(), {ghost})

    play(scenario)


def test_an_order_in_flight_is_handed_over_to_the_confirmer(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await die_after_recording(engine, order, sent=True)
        assert await settle(engine, order) == settled(order)
        assert engine.recorder.handed_over == [([order.id], timedelta())]

    play(scenario)


def test_an_order_without_attempts_left_and_nothing_signed_is_failed_once(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        for _ in range(3):
            await engine.claim(order)
            engine.expire_lease(order)
        done = await asyncio.gather(*(settle(engine, order) for _ in range(2)))
        assert settled(order) in done
        history = await engine.history(order)
        assert [event.status for event in history.events].count(Status.FAILED) == 1
        assert code_of(history) == "attempts_exhausted"

    play(scenario)


def test_an_order_past_its_time_expires(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        engine.expire(order)
        assert await settle(engine, order) == settled(order)
        history = await engine.history(order)
        assert history.order.status is Status.EXPIRED
        assert code_of(history) == "order_expired"
        assert not engine.recorder.sent

    play(scenario)


def test_an_order_of_an_unsupported_type_stays_until_a_release_that_knows_it(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        other, mine = await engine.place(2)
        engine.sql("UPDATE orders SET type = 'iceberg' WHERE id = %s RETURNING id", other.id)
        assert await settle(engine, other, mine) == settled(mine)

    play(scenario)


def test_orders_are_settled_side_by_side_and_not_beyond_the_time_limit(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        slow, quick = await engine.place(2)

        class SlowFor(Recorder):
            """A queue that does not answer about one order."""

            async def send(self, order_id: UUID, delay: timedelta = timedelta()) -> None:
                if order_id == slow.id:
                    await asyncio.Event().wait()
                await super().send(order_id, delay)

        handler = engine.dead_letters(queue=SlowFor())
        assert await handler.settle([slow.id, quick.id], timedelta(seconds=0.5)) == settled(quick)

    play(scenario)
