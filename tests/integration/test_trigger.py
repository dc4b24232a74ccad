"""What the trigger activates and expires, and that it does so once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from order_engine.contracts.documents import history_document
from order_engine.domain.lifecycle import Status
from order_engine.domain.triggers import OrderType, Pair, PriceSample
from order_engine.use_cases.sweep import sweep
from testing.engine import WATCHDOG, Engine, Prices
from tests.integration.conftest import NewEngine
from tests.integration.helpers import FAR_ABOVE, LIMIT, SNIPER, STOP, place_resting, status_of, statuses


@pytest.mark.parametrize(
    ("type_", "price", "market", "reached"),
    [
        (LIMIT, 150, "149.999999999999999999", False),
        (LIMIT, 150, "150", True),
        (LIMIT, 150, "151", True),
        (STOP, 140, "140.000000000000000001", False),
        (STOP, 140, "140", True),
        (STOP, 140, "139", True),
        (SNIPER, None, "0.000000000000000001", True),
    ],
)
async def test_an_order_is_activated_once_its_price_is_reached(
    engine: Engine, prices: Prices, type_: OrderType, price: int | None, market: str, reached: bool
) -> None:
    order = await place_resting(engine, type_, price)
    prices.set(market)
    assert await engine.tick(prices=prices) == int(reached)
    assert await status_of(engine, order) is (Status.PENDING if reached else Status.RESTING)
    assert engine.recorder.sent == [order.id] * reached


async def test_the_event_and_the_order_say_which_price_activated_it(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, LIMIT, 100)
    prices.set("100.25")
    sample = prices.known[Pair("SOL", "USDC")]
    await engine.tick(prices=prices)
    shown = {"price": "100.25", "source": "raydium", "at": sample.at.isoformat(timespec="milliseconds")[:-6] + "Z"}
    document = history_document(await engine.history(order))
    assert document["triggeredBy"] == shown
    assert [event.get("triggeredBy") for event in document["events"]] == [None, shown]
    assert engine.recorder.events[-1].facts.triggered_by == sample
    await engine.execute(order)
    assert history_document(await engine.history(order))["triggeredBy"] == shown, "also once it is executed"


async def test_a_price_that_jumps_over_many_levels_activates_exactly_those(engine: Engine, prices: Prices) -> None:
    limits = [await place_resting(engine, LIMIT, level) for level in range(100, 110)]
    stops = [await place_resting(engine, STOP, level) for level in range(90, 100)]
    prices.set("106.5")
    assert await engine.tick(prices=prices) == 7
    assert set(engine.recorder.sent) == {order.id for order in limits[:7]}
    prices.set("93.5")
    assert await engine.tick(prices=prices) == 6
    assert set(engine.recorder.sent[7:]) == {order.id for order in stops[4:]}


async def test_a_pair_without_a_price_does_not_hold_up_the_others(engine: Engine, prices: Prices) -> None:
    unpriced, priced = await place_resting(engine, LIMIT, 1, token_in="JUP"), await place_resting(engine, LIMIT, 1)
    prices.set("2")
    assert await engine.tick(prices=prices) == 1
    assert await status_of(engine, unpriced) is Status.RESTING
    assert await status_of(engine, priced) is Status.PENDING


async def test_an_incomplete_price_activates_limits_but_no_stops(engine: Engine, prices: Prices) -> None:
    stop, limit = await place_resting(engine, STOP, 140), await place_resting(engine, LIMIT, 130)
    prices.set("135", complete=False)
    await engine.tick(prices=prices)
    assert await status_of(engine, stop) is Status.RESTING
    assert await status_of(engine, limit) is Status.PENDING
    prices.set("135")
    await engine.tick(prices=prices)
    assert await status_of(engine, stop) is Status.PENDING


async def test_two_triggers_at_once_activate_each_order_once(
    engine: Engine, new_engine: NewEngine, prices: Prices
) -> None:
    other = new_engine()
    orders = [await place_resting(engine, LIMIT, 100) for _ in range(100)]
    prices.set("101")
    activated = await asyncio.gather(*(each.tick(prices=prices) for each in (engine, other)))
    assert sum(filter(None, activated)) == 100
    assert sorted(engine.recorder.sent + other.recorder.sent) == sorted(order.id for order in orders)
    assert {tuple(statuses(await engine.history(order))) for order in orders} == {("resting", "pending")}


async def test_orders_of_a_trigger_that_died_before_queueing_them_are_queued_by_the_sweeper(
    engine: Engine, prices: Prices
) -> None:
    class Died(BaseException):
        """The process is gone."""

    class DyingQueue:
        async def send(self, order_id: UUID, delay: timedelta = timedelta()) -> None:
            raise Died

        async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> Sequence[UUID]:
            raise Died

    order = await place_resting(engine, LIMIT, 100)
    prices.set("101")
    with pytest.raises(Died):
        await engine.tick(prices=prices, queue=DyingQueue())
    assert await status_of(engine, order) is Status.PENDING
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 0, "its watchdog has just been set"
    engine.sql("UPDATE orders SET watchdog_at = watchdog_at - %s RETURNING id", WATCHDOG)
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 1
    assert engine.recorder.sent == [order.id]


async def test_orders_that_the_queue_did_not_accept_are_due_at_once(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, LIMIT, 100)
    prices.set("101")
    engine.recorder.down = True
    assert await engine.tick(prices=prices) == 1
    engine.recorder.down = False
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 1
    assert engine.recorder.sent == [order.id]


async def test_a_wrong_clock_of_the_feed_changes_nothing(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, LIMIT, 100)
    for at in (datetime(2001, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)):
        prices.known[Pair("SOL", "USDC")] = PriceSample(Decimal(99), "raydium", at)
        assert await engine.tick(prices=prices) == 0
    prices.known[Pair("SOL", "USDC")] = PriceSample(Decimal(100), "raydium", datetime(2100, 1, 1, tzinfo=UTC))
    assert await engine.tick(prices=prices) == 1
    assert await engine.execute(order) == {order.id}
    assert await status_of(engine, order) is not Status.EXPIRED


async def test_more_orders_than_fit_into_one_statement_are_activated_in_one_tick(
    engine: Engine, prices: Prices
) -> None:
    engine.sql(
        "INSERT INTO orders (account, type, token_in, token_out, amount_in, slippage_bps, trigger_price, status)"
        " SELECT 'alice', 'limit', 'SOL', 'USDC', 1, 50, 100, 'resting' FROM generate_series(1, 2500) RETURNING id"
    )
    prices.set("101")
    assert await engine.tick(prices=prices) == 2_500
    assert len(set(engine.recorder.sent)) == 2_500


async def test_a_stop_is_executed_like_a_market_order(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, STOP, FAR_ABOVE)
    prices.set("140")
    await engine.tick(prices=prices)
    await engine.execute(order)
    assert await status_of(engine, order) is Status.CONFIRMED


async def test_a_resting_order_expires(engine: Engine) -> None:
    order = await place_resting(engine, LIMIT, 100)
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 0
    engine.sql("UPDATE orders SET expires_at = now(), watchdog_at = now() RETURNING id")
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 1
    await engine.execute(order)
    assert statuses(await engine.history(order)) == ["resting", "expired"]


async def test_an_expired_order_is_not_activated(engine: Engine, prices: Prices) -> None:
    await place_resting(engine, LIMIT, 100)
    engine.sql("UPDATE orders SET expires_at = now() RETURNING id")
    prices.set("101")
    assert await engine.tick(prices=prices) == 0


async def test_a_message_of_a_resting_order_is_deleted(engine: Engine) -> None:
    order = await place_resting(engine, LIMIT, 100)
    assert await engine.execute(order) == {order.id}
    assert await status_of(engine, order) is Status.RESTING


async def test_a_sniper_waits_until_a_venue_lists_its_pair(engine: Engine) -> None:
    order = await place_resting(engine, SNIPER, token_in="USDC", token_out="MOON", slippage_bps=10_000)
    assert await engine.tick() == 0
    engine.sql("INSERT INTO mock_chain.listings (token, venue) VALUES ('MOON', 'meteora') RETURNING token")
    assert await engine.tick() == 1
    await engine.execute(order)
    history = await engine.history(order)
    assert (history.order.status, history.order.type) == (Status.CONFIRMED, SNIPER)
    assert history.order.triggered_by and history.order.triggered_by.source == "meteora"


async def test_a_cancelled_order_is_not_activated(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, LIMIT, 100)
    prices.set("101")
    await engine.cancel(order)
    assert await engine.tick(prices=prices) is None
    assert statuses(await engine.history(order)) == ["resting", "cancelled"]


async def test_an_order_whose_cancellation_holds_the_lock_is_left_to_it(
    engine: Engine, new_engine: NewEngine, prices: Prices
) -> None:
    order = await place_resting(engine, LIMIT, 100)
    prices.set("101")
    results = await asyncio.gather(engine.tick(prices=prices), new_engine().cancel(order), return_exceptions=True)
    assert not [result for result in results if isinstance(result, Exception)]
    assert statuses(await engine.history(order)) in (["resting", "cancelled"], ["resting", "pending", "cancelled"])


async def test_an_expired_order_is_ended_by_the_next_tick(engine: Engine) -> None:
    order, other = await place_resting(engine, LIMIT, 100), await place_resting(engine, LIMIT, 100)
    engine.sql("UPDATE orders SET expires_at = now(), watchdog_at = now() WHERE id = %s RETURNING id", order.id)
    assert await engine.tick(prices=Prices()) == 0
    history = await engine.history(order)
    assert statuses(history) == ["resting", "expired"]
    assert history.order.facts.failure and history.order.facts.failure.code == "order_expired"
    assert engine.recorder.events[-1] == history.events[-1]
    assert await status_of(engine, other) is Status.RESTING
