"""The dead man's switch: whose orders it cancels, and when."""

import asyncio
from datetime import timedelta
from typing import Any

from order_engine.domain.lifecycle import Status
from testing.engine import Engine, Prices
from tests.integration.doubles import ScriptedChain
from tests.integration.helpers import FAR_ABOVE, LIMIT, place_resting, status_of


async def test_orders_of_an_account_that_does_not_renew_its_switch_are_cancelled(engine: Engine) -> None:
    resting, (pending,), (foreign,) = (
        await place_resting(engine, LIMIT, FAR_ABOVE),
        await engine.place(),
        await engine.place(account="bob"),
    )
    (submitted,) = await engine.place()
    await engine.execute(submitted, chain=ScriptedChain())
    await engine.triggers.set_switch("alice", timedelta(minutes=1))
    assert await engine.tick() == 0, "its time is not over"
    assert await status_of(engine, resting) is Status.RESTING
    await engine.triggers.set_switch("alice", timedelta())
    await engine.tick()
    found = [await status_of(engine, order) for order in (resting, pending, foreign, submitted)]
    assert found == [Status.CANCELLED, Status.CANCELLED, Status.PENDING, Status.SUBMITTED]
    assert (await engine.history(submitted)).order.cancel_requested, "no further attempt follows"
    assert not (await engine.triggers.tick()).any


async def test_a_switch_that_is_off_cancels_nothing(engine: Engine) -> None:
    order = await place_resting(engine, LIMIT, FAR_ABOVE)
    await engine.triggers.set_switch("alice", timedelta())
    await engine.triggers.clear_switch("alice")
    await engine.tick()
    assert await status_of(engine, order) is Status.RESTING


async def test_a_switch_keeps_the_trigger_running(engine: Engine) -> None:
    await engine.triggers.set_switch("alice", timedelta(seconds=0.3))
    await asyncio.wait_for(engine.trigger().run(timedelta(seconds=30)), timeout=10)
    assert not (await engine.triggers.tick()).any


async def test_one_accounts_switch_holds_up_nobody_else(engine: Engine, prices: Prices) -> None:
    held_up, *others = [
        await place_resting(engine, LIMIT, FAR_ABOVE, account=name) for name in ("alice", "bob", "carol")
    ]
    market = await place_resting(engine, LIMIT, 100, account="dave")
    prices.set("101")
    for order in (held_up, *others):
        await engine.triggers.set_switch(order.account, timedelta())
    cancel_all = engine.orders.open_ids

    async def failing(account: str, *arguments: Any) -> Any:
        if account == "alice":
            raise KeyError("an unreadable order")
        return await cancel_all(account, *arguments)

    engine.orders.open_ids = failing  # type: ignore[assignment, method-assign]
    assert await engine.tick(prices=prices) == 1
    assert await status_of(engine, market) is Status.PENDING
    assert [await status_of(engine, order) for order in others] == [Status.CANCELLED] * 2
    assert await status_of(engine, held_up) is Status.RESTING
    engine.orders.open_ids = cancel_all  # type: ignore[method-assign]
    await engine.tick(prices=prices)
    assert await status_of(engine, held_up) is Status.CANCELLED


async def test_a_switch_that_has_acted_is_not_renewed_before_it_is_done(engine: Engine) -> None:
    order = await place_resting(engine, LIMIT, FAR_ABOVE)
    acted_at = await engine.triggers.set_switch("alice", timedelta())
    assert await engine.triggers.set_switch("alice", timedelta(minutes=1)) == acted_at
    await engine.tick()
    assert await status_of(engine, order) is Status.CANCELLED
    assert await engine.triggers.set_switch("alice", timedelta(minutes=1)) > acted_at
