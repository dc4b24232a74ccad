"""The last resort."""

import asyncio
from uuid import uuid4

from order_engine.domain.statuses import Status
from order_engine.use_cases.bury import Burial, Undertaker
from tests.engine import Engine
from tests.integration.conftest import Play
from tests.integration.test_execute import die_after_recording


def undertaker(engine: Engine) -> Undertaker:
    return Undertaker(engine.orders, engine.journal, engine.recorder, engine.chain, 3)


def test_attempts_left_go_back_to_the_queue(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        assert await undertaker(engine).bury([order.id]) == Burial({order.id}, set())
        assert engine.recorder.sent == [order.id]
        assert (await engine.history(order)).order.status is Status.PENDING

    play(scenario)


def test_while_the_queue_is_down_the_message_stays(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        engine.recorder.down = True
        assert await undertaker(engine).bury([order.id]) == Burial(set(), set())

    play(scenario)


def test_a_worker_at_it_is_left_alone(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.orders.claim([order.id], 35, 3)
        assert await undertaker(engine).bury([order.id]) == Burial(set(), set())
        assert not engine.recorder.sent

    play(scenario)


def test_a_finished_order_is_told_again(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.execute(order)
        engine.recorder.events.clear()
        assert await undertaker(engine).bury([order.id]) == Burial({order.id}, set())
        assert [event.sequence for event in engine.recorder.events] == [1, 2, 3, 4, 5]

    play(scenario)


def test_an_unknown_order_is_named(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        ghost = uuid4()
        assert await undertaker(engine).bury([ghost]) == Burial(set(), {ghost})

    play(scenario)


def test_exhausted_but_landed_is_confirmed(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await die_after_recording(engine, order, sent=True)
        for _ in range(2):
            await engine.orders.claim([order.id], 35, 3)
            engine.expire_lease(order)
        assert await undertaker(engine).bury([order.id]) == Burial({order.id}, set())
        assert (await engine.history(order)).order.status is Status.CONFIRMED
        assert engine.fills(order) == 1

    play(scenario)


def test_exhausted_with_nothing_sent_is_failed_once(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        for _ in range(3):
            await engine.orders.claim([order.id], 35, 3)
            engine.expire_lease(order)
        done = await asyncio.gather(*(undertaker(engine).bury([order.id]) for _ in range(2)))
        assert Burial({order.id}, set()) in done
        history = await engine.history(order)
        assert [event.status for event in history.events].count(Status.FAILED) == 1

    play(scenario)
