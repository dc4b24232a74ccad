"""Replacing the price, amount or expiry of a resting order."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from order_engine.adapters.postgres.orders import OrderStore
from order_engine.contracts.documents import event_document, history_document
from order_engine.domain.errors import (
    DatabaseUnavailable,
    InvalidRequest,
    NotResting,
    OrderNotFound,
    PriceOutOfRange,
    SlippageExceeded,
)
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order
from order_engine.domain.transactions import Unfilled
from order_engine.domain.triggers import OrderType, Replacement, Terms
from testing.engine import Engine, Prices
from tests.integration.conftest import NewEngine
from tests.integration.doubles import ScriptedChain
from tests.integration.helpers import in_seconds, statuses


@pytest.fixture
def prices() -> Prices:
    prices = Prices()
    prices.set("150")
    return prices


async def a_limit(engine: Engine, **changes: Any) -> Order:
    return (await engine.place(**{"type": OrderType.LIMIT, "trigger_price": Decimal(200), **changes}))[0]


async def replace(engine: Engine, order: Order, prices: Prices, account: str = "alice", **wanted: Any) -> Order:
    time_limit = timedelta(seconds=5)
    return await engine.replacer(prices=prices).replace(account, order.id, Replacement(**wanted), time_limit)


async def test_an_order_keeps_its_id_and_gets_an_event_with_its_terms(engine: Engine, prices: Prices) -> None:
    order = await a_limit(engine)
    later = in_seconds(3600).replace(microsecond=0)
    replaced = await replace(
        engine, order, prices, limit_price=Decimal("210.5"), amount_in=Decimal(2), expires_at=later
    )
    history = await engine.history(order)
    assert history.order == replaced
    assert statuses(history) == ["resting", "resting"]
    old, new = [event.facts.terms for event in history.events]
    assert old and new
    assert (old.trigger_price, old.amount_in) == (Decimal(200), Decimal(1))
    assert (new.trigger_price, new.amount_in, new.expires_at) == (Decimal("210.5"), Decimal(2), later)
    assert engine.recorder.events[-1] == history.events[-1]
    assert engine.sql("SELECT watchdog_at FROM orders") == [{"watchdog_at": later}]


async def test_the_new_price_activates_the_order(engine: Engine, prices: Prices) -> None:
    order = await a_limit(engine)
    await replace(engine, order, prices, limit_price=Decimal(151))
    prices.set("151")
    assert await engine.tick(prices=prices) == 1


async def test_what_is_not_named_stays_and_nothing_new_is_no_event(engine: Engine, prices: Prices) -> None:
    order = await a_limit(engine)
    assert await replace(engine, order, prices, limit_price=Decimal(200)) == order
    replaced = await replace(engine, order, prices, amount_in=Decimal(3))
    assert (replaced.trigger_price, replaced.expires_at) == (order.trigger_price, order.expires_at)


async def finished(engine: Engine, order: Order, prices: Prices) -> None:
    await engine.cancel(order)


async def activated(engine: Engine, order: Order, prices: Prices) -> None:
    prices.set("201")
    await engine.tick(prices=prices)


async def expired(engine: Engine, order: Order, prices: Prices) -> None:
    engine.sql("UPDATE orders SET expires_at = now() RETURNING id")


@pytest.mark.parametrize("prepare", [finished, activated, expired])
async def test_only_a_resting_order_can_be_changed(
    engine: Engine, prices: Prices, prepare: Callable[[Engine, Order, Prices], Awaitable[None]]
) -> None:
    order = await a_limit(engine)
    await prepare(engine, order, prices)
    before = await engine.history(order)
    with pytest.raises(NotResting) as refused:
        await replace(engine, order, prices, amount_in=Decimal(3))
    assert refused.value.order == before.order
    assert await engine.history(order) == before


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"stop_price": Decimal(100)}, "stopPrice"),
        ({"amount_in": Decimal("0.0000000001")}, "amount"),
        ({"amount_in": Decimal(0)}, "amount"),
        ({"expires_at": in_seconds(-5)}, "expiresAt"),
    ],
)
async def test_invalid_terms_are_refused(engine: Engine, prices: Prices, wanted: dict[str, Any], field: str) -> None:
    order = await a_limit(engine)
    with pytest.raises(InvalidRequest, match=field):
        await replace(engine, order, prices, **wanted)
    assert (await engine.history(order)).order == order


async def test_the_amount_of_an_order_with_a_minimum_stays(engine: Engine, prices: Prices) -> None:
    """The minimum is for the whole amount: for ten times as much it would protect from next to nothing."""
    order = await a_limit(engine, min_amount_out=Decimal(150))
    with pytest.raises(InvalidRequest, match="minAmountOut"):
        await replace(engine, order, prices, amount_in=Decimal(10))
    assert (await replace(engine, order, prices, limit_price=Decimal(210))).trigger_price == 210


async def test_a_price_that_makes_no_sense_is_refused_unless_forced(engine: Engine, prices: Prices) -> None:
    order = await a_limit(engine)
    with pytest.raises(PriceOutOfRange):
        await replace(engine, order, prices, limit_price=Decimal(1))
    assert (await replace(engine, order, prices, limit_price=Decimal(1), force=True)).trigger_price == 1


async def test_another_accounts_order_does_not_exist(engine: Engine, prices: Prices) -> None:
    order = await a_limit(engine)
    with pytest.raises(OrderNotFound):
        await replace(engine, order, prices, account="bob", amount_in=Decimal(3))
    with pytest.raises(OrderNotFound):
        await engine.replacer(prices=prices).replace(
            "alice", uuid4(), Replacement(amount_in=Decimal(3)), timedelta(seconds=5)
        )


async def test_concurrent_replacements_of_different_fields_are_all_kept(
    engine: Engine, new_engine: NewEngine, prices: Prices
) -> None:
    order = await a_limit(engine)
    later = in_seconds(3600).replace(microsecond=0)
    wanted: list[dict[str, Any]] = [{"limit_price": Decimal(210)}, {"amount_in": Decimal(3)}, {"expires_at": later}]
    await asyncio.gather(*(replace(new_engine(), order, prices, **each) for each in wanted))
    found = (await engine.history(order)).order
    assert (found.trigger_price, found.amount_in, found.expires_at) == (Decimal(210), Decimal(3), later)
    assert found.sequence == 4


async def test_a_replacement_and_an_activation_at_once_leave_a_consistent_order(
    engine: Engine, new_engine: NewEngine, prices: Prices
) -> None:
    for _ in range(10):
        order = await a_limit(engine, trigger_price=Decimal(150))
        replacing = replace(new_engine(), order, prices, limit_price=Decimal(500))
        _, replaced = await asyncio.gather(engine.tick(prices=prices), replacing, return_exceptions=True)
        history = await engine.history(order)
        if isinstance(replaced, NotResting):
            assert statuses(history) == ["resting", "pending"]
        else:
            assert statuses(history) == ["resting", "resting"]
            assert history.order.trigger_price == Decimal(500)
        await engine.cancel(order)


async def test_a_status_is_shown_by_its_latest_event(engine: Engine, prices: Prices) -> None:
    order = await a_limit(engine)
    await replace(engine, order, prices, amount_in=Decimal(3))
    cancelled = await engine.cancel(order)
    assert (cancelled.status, cancelled.sequence, cancelled.amount_in) == (Status.CANCELLED, 3, Decimal(3))


async def test_events_before_a_replacement_show_the_quotes_as_they_were(engine: Engine, prices: Prices) -> None:
    order = await a_limit(engine, trigger_price=Decimal(100))
    await engine.tick(prices=prices)
    await engine.execute(order, chain=ScriptedChain())
    await engine.confirm(order, chain=ScriptedChain(**{str(order.id): Unfilled(SlippageExceeded())}))
    pushed = {event.sequence: event_document(event) for event in engine.recorder.events}
    await replace(engine, order, prices, amount_in=Decimal(2))
    shown = {event["sequence"]: event for event in history_document(await engine.history(order))["events"]}
    assert {sequence: shown[sequence] for sequence in pushed} == pushed


async def test_an_order_that_keeps_changing_is_not_reported_as_unknown(engine: Engine, prices: Prices) -> None:
    class Changing(OrderStore):
        async def replace(self, order: Order, terms: Terms) -> Order | None:
            return None

    order = await a_limit(engine)
    replacer = engine.replacer(prices=prices, store=Changing(engine.database))
    with pytest.raises(DatabaseUnavailable, match="keeps changing"):
        time_limit = timedelta(seconds=0.1)
        await replacer.replace(order.account, order.id, Replacement(amount_in=Decimal(2)), time_limit)
