"""When the trigger runs: who starts it, when it ends, and what a failed tick does."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from order_engine.domain.errors import DatabaseUnavailable
from order_engine.domain.lifecycle import Status
from order_engine.order_ids import new_order_id
from order_engine.use_cases.deadline import Deadline
from testing.engine import Engine, Prices, new_order
from tests.integration.conftest import NewEngine
from tests.integration.helpers import FAR_ABOVE, LIMIT, place_resting, status_of


async def test_a_trigger_without_anything_to_wait_for_ends_at_once(engine: Engine) -> None:
    await engine.place()
    assert await engine.tick() is None
    await asyncio.wait_for(engine.trigger().run(timedelta(hours=1)), timeout=5)


async def test_a_trigger_looks_until_its_time_is_over(engine: Engine, prices: Prices) -> None:
    await place_resting(engine, LIMIT, 100)
    running = asyncio.create_task(engine.trigger(prices=prices).run(timedelta(seconds=30)))
    await asyncio.sleep(0)
    second = await place_resting(engine, LIMIT, 100)
    prices.set("101")
    while second.id not in engine.recorder.sent:
        await asyncio.sleep(0.01)
    assert await asyncio.wait_for(running, timeout=10) == 2, "it ends once nothing rests"


async def test_a_failed_tick_does_not_end_the_run(engine: Engine, prices: Prices) -> None:
    await place_resting(engine, LIMIT, 100)
    prices.set("101")
    trigger = engine.trigger(prices=prices)
    outages = iter([DatabaseUnavailable(), DatabaseUnavailable()])
    resting = engine.triggers.resting

    async def failing() -> Any:
        if outage := next(outages, None):
            raise outage
        return await resting()

    engine.triggers.resting = failing  # type: ignore[method-assign]
    assert await trigger.run(timedelta(seconds=30)) == 1


async def test_a_run_in_which_every_tick_fails_raises(engine: Engine, prices: Prices) -> None:
    await place_resting(engine, LIMIT, 100)
    trigger = engine.trigger(prices=prices)

    async def failing() -> Any:
        raise DatabaseUnavailable()

    engine.triggers.resting = failing  # type: ignore[method-assign]
    with pytest.raises(DatabaseUnavailable):
        await trigger.run(timedelta(seconds=0.1))


async def test_the_first_resting_order_starts_the_trigger_once(engine: Engine, new_engine: NewEngine) -> None:
    engines = [engine, *(new_engine() for _ in range(4))]
    order = new_order(type=LIMIT, trigger_price=Decimal(1000))
    await asyncio.gather(*(each.submitter().submit(replace(order, id=new_order_id())) for each in engines))
    assert sum(each.wake_ups.sent for each in engines) == 1
    await engine.submitter().submit(new_order())
    assert engine.wake_ups.sent <= 1, "a market order waits for nothing"


async def test_an_order_placed_while_the_trigger_ends_is_seen_or_starts_another(engine: Engine) -> None:
    first = await place_resting(engine, LIMIT, 1000)
    running = asyncio.create_task(engine.trigger().run(timedelta(seconds=30)))
    while not engine.sql("SELECT FROM trigger_state WHERE awake_until > now()"):
        await asyncio.sleep(0.005)
    fall_asleep = engine.triggers.fall_asleep

    async def place_and_fall_asleep() -> None:
        """As if the order's request had read that the trigger is running just before it ends."""
        engine.triggers.fall_asleep = fall_asleep  # type: ignore[method-assign]
        await engine.submitter().submit(new_order(type=LIMIT, trigger_price=Decimal(1000)))
        await fall_asleep()

    engine.triggers.fall_asleep = place_and_fall_asleep  # type: ignore[method-assign]
    await engine.cancel(first)
    while engine.triggers.fall_asleep is not fall_asleep and engine.triggers.fall_asleep != fall_asleep:
        await asyncio.sleep(0.005)
    assert engine.wake_ups.sent == 0
    done, _ = await asyncio.wait([running], timeout=0.2)
    assert not done, "it has seen the order"
    await engine.canceller().cancel_all("alice", timedelta(seconds=5))
    await asyncio.wait_for(running, timeout=10)
    await engine.submitter().submit(new_order(type=LIMIT, trigger_price=Decimal(1000)))
    assert engine.wake_ups.sent == 1


async def test_an_order_that_rests_again_starts_the_trigger(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, LIMIT, FAR_ABOVE)
    prices.set(str(FAR_ABOVE))
    await engine.trigger(prices=prices).run(timedelta(seconds=30))  # ends, because nothing rests any more
    await engine.execute(order)
    assert await status_of(engine, order) is Status.RESTING
    assert engine.wake_ups.sent == 1


async def test_a_trigger_that_gave_no_sign_of_life_is_started_again(engine: Engine) -> None:
    await engine.submitter().submit(new_order(type=LIMIT, trigger_price=Decimal(1000)))
    engine.sql("UPDATE trigger_state SET awake_until = now() - interval '1s' RETURNING 1")
    await engine.submitter().submit(new_order(type=LIMIT, trigger_price=Decimal(1000)))
    assert engine.wake_ups.sent == 2


def test_a_deadline_that_is_over_has_no_time() -> None:
    async def has_time() -> bool:
        return Deadline.after(timedelta()).has_time

    assert not asyncio.run(has_time())
