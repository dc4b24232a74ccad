"""Resting orders: when they are activated, and what happens if their price is gone again."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from order_engine.contracts.documents import history_document
from order_engine.domain.errors import DatabaseUnavailable, SlippageExceeded
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order
from order_engine.domain.transactions import Unfilled
from order_engine.domain.triggers import OrderType, Pair, PriceSample
from order_engine.order_ids import new_order_id
from order_engine.use_cases.deadline import Deadline
from order_engine.use_cases.sweep import sweep
from testing.engine import WATCHDOG, Engine, Prices, new_order
from tests.integration.conftest import NewEngine
from tests.integration.doubles import ScriptedChain, UnavailableVenue
from tests.integration.helpers import statuses

LIMIT, STOP, SNIPER = OrderType.LIMIT, OrderType.STOP, OrderType.SNIPER
FAR_ABOVE = Decimal(10**6)


@pytest.fixture
def prices() -> Prices:
    return Prices()


async def place(engine: Engine, type_: OrderType, price: object = None, **changes: Any) -> Order:
    trigger_price = None if price is None else Decimal(str(price))
    return (await engine.place(type=type_, trigger_price=trigger_price, **changes))[0]


async def status(engine: Engine, order: Order) -> Status:
    return (await engine.history(order)).order.status


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
    order = await place(engine, type_, price)
    prices.set(market)
    assert await engine.tick(prices=prices) == int(reached)
    assert await status(engine, order) is (Status.PENDING if reached else Status.RESTING)
    assert engine.recorder.sent == [order.id] * reached


async def test_the_event_and_the_order_say_which_price_activated_it(engine: Engine, prices: Prices) -> None:
    order = await place(engine, LIMIT, 100)
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
    limits = [await place(engine, LIMIT, level) for level in range(100, 110)]
    stops = [await place(engine, STOP, level) for level in range(90, 100)]
    prices.set("106.5")
    assert await engine.tick(prices=prices) == 7
    assert set(engine.recorder.sent) == {order.id for order in limits[:7]}
    prices.set("93.5")
    assert await engine.tick(prices=prices) == 6
    assert set(engine.recorder.sent[7:]) == {order.id for order in stops[4:]}


async def test_a_pair_without_a_price_does_not_hold_up_the_others(engine: Engine, prices: Prices) -> None:
    unpriced, priced = await place(engine, LIMIT, 1, token_in="JUP"), await place(engine, LIMIT, 1)
    prices.set("2")
    assert await engine.tick(prices=prices) == 1
    assert await status(engine, unpriced) is Status.RESTING
    assert await status(engine, priced) is Status.PENDING


async def test_an_incomplete_price_activates_limits_but_no_stops(engine: Engine, prices: Prices) -> None:
    stop, limit = await place(engine, STOP, 140), await place(engine, LIMIT, 130)
    prices.set("135", complete=False)
    await engine.tick(prices=prices)
    assert await status(engine, stop) is Status.RESTING
    assert await status(engine, limit) is Status.PENDING
    prices.set("135")
    await engine.tick(prices=prices)
    assert await status(engine, stop) is Status.PENDING


async def test_two_triggers_at_once_activate_each_order_once(
    engine: Engine, new_engine: NewEngine, prices: Prices
) -> None:
    other = new_engine()
    orders = [await place(engine, LIMIT, 100) for _ in range(100)]
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

    order = await place(engine, LIMIT, 100)
    prices.set("101")
    with pytest.raises(Died):
        await engine.tick(prices=prices, queue=DyingQueue())
    assert await status(engine, order) is Status.PENDING
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 0, "its watchdog has just been set"
    engine.sql("UPDATE orders SET watchdog_at = watchdog_at - %s RETURNING id", WATCHDOG)
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 1
    assert engine.recorder.sent == [order.id]


async def test_orders_that_the_queue_did_not_accept_are_due_at_once(engine: Engine, prices: Prices) -> None:
    order = await place(engine, LIMIT, 100)
    prices.set("101")
    engine.recorder.down = True
    assert await engine.tick(prices=prices) == 1
    engine.recorder.down = False
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 1
    assert engine.recorder.sent == [order.id]


async def test_a_wrong_clock_of_the_feed_changes_nothing(engine: Engine, prices: Prices) -> None:
    order = await place(engine, LIMIT, 100)
    for at in (datetime(2001, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)):
        prices.known[Pair("SOL", "USDC")] = PriceSample(Decimal(99), "raydium", at)
        assert await engine.tick(prices=prices) == 0
    prices.known[Pair("SOL", "USDC")] = PriceSample(Decimal(100), "raydium", datetime(2100, 1, 1, tzinfo=UTC))
    assert await engine.tick(prices=prices) == 1
    assert await engine.execute(order) == {order.id}
    assert await status(engine, order) is not Status.EXPIRED


async def test_a_trigger_without_anything_to_wait_for_ends_at_once(engine: Engine) -> None:
    await engine.place()
    assert await engine.tick() is None
    await asyncio.wait_for(engine.trigger().run(timedelta(hours=1)), timeout=5)


async def test_a_trigger_looks_until_its_time_is_over(engine: Engine, prices: Prices) -> None:
    await place(engine, LIMIT, 100)
    running = asyncio.create_task(engine.trigger(prices=prices).run(timedelta(seconds=30)))
    await asyncio.sleep(0)
    second = await place(engine, LIMIT, 100)
    prices.set("101")
    while second.id not in engine.recorder.sent:
        await asyncio.sleep(0.01)
    assert await asyncio.wait_for(running, timeout=10) == 2, "it ends once nothing rests"


async def test_a_failed_tick_does_not_end_the_run(engine: Engine, prices: Prices) -> None:
    await place(engine, LIMIT, 100)
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


async def test_a_limit_order_signs_at_least_its_price(engine: Engine, prices: Prices) -> None:
    order = await place(engine, LIMIT, "100.123456789", slippage_bps=10_000, amount_in=Decimal("0.123456789"))
    prices.set("101")
    await engine.tick(prices=prices)
    await engine.execute(order)
    (sent,) = engine.ledger(order)
    exact = Decimal("100.123456789") * Decimal("0.123456789")
    assert Decimal(0) <= sent["min_amount_out"] - exact < Decimal("0.000001"), "rounded up to USDC's decimals"


async def test_a_limit_order_whose_price_is_gone_rests_again_without_using_an_attempt(
    engine: Engine, prices: Prices
) -> None:
    order = await place(engine, LIMIT, FAR_ABOVE)
    prices.set(str(FAR_ABOVE))
    for _ in range(5):
        assert await engine.tick(prices=prices) == 1
        assert await engine.execute(order) == {order.id}
        history = await engine.history(order)
        assert (history.order.status, history.order.attempt) == (Status.RESTING, 0)
        assert history.order.facts.failure and history.order.facts.failure.code == "below_min_amount_out"
        assert history.order.triggered_by is None
        assert await engine.tick(prices=prices) == 0, "it rests for a pause"
        engine.end_backoff(order)
    assert statuses(history) == ["resting", *["pending", "routing", "resting"] * 5]
    assert not engine.ledger(order)


async def test_a_limit_order_whose_price_is_gone_on_the_chain_rests_again(engine: Engine, prices: Prices) -> None:
    order = await place(engine, LIMIT, 100, slippage_bps=10_000)
    prices.set("101")
    await engine.tick(prices=prices)
    await engine.execute(order, chain=ScriptedChain())
    await engine.confirm(order, chain=ScriptedChain(**{str(order.id): Unfilled(SlippageExceeded())}))
    history = await engine.history(order)
    assert statuses(history)[-2:] == ["submitted", "resting"]
    assert (history.order.attempt, history.order.transaction) == (0, None)
    engine.end_backoff(order)
    await engine.tick(prices=prices)
    await engine.execute(order)
    history = await engine.history(order)
    assert (history.order.status, history.order.attempt) == (Status.CONFIRMED, 1)
    assert engine.fills(order) == 1


async def test_outages_use_up_a_limit_orders_attempts(engine: Engine, prices: Prices) -> None:
    order = await place(engine, LIMIT, 100)
    prices.set("101")
    await engine.tick(prices=prices)
    for _ in range(engine.retries.max_attempts):
        engine.end_backoff(order)
        await engine.execute(order, venues=[UnavailableVenue()])
    assert await status(engine, order) is Status.FAILED


async def test_a_stop_is_executed_like_a_market_order(engine: Engine, prices: Prices) -> None:
    order = await place(engine, STOP, FAR_ABOVE)
    prices.set("140")
    await engine.tick(prices=prices)
    await engine.execute(order)
    assert await status(engine, order) is Status.CONFIRMED


async def test_a_resting_order_expires(engine: Engine) -> None:
    order = await place(engine, LIMIT, 100)
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 0
    engine.sql("UPDATE orders SET expires_at = now(), watchdog_at = now() RETURNING id")
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 1
    await engine.execute(order)
    assert statuses(await engine.history(order)) == ["resting", "expired"]


async def test_an_expired_order_is_not_activated(engine: Engine, prices: Prices) -> None:
    await place(engine, LIMIT, 100)
    engine.sql("UPDATE orders SET expires_at = now() RETURNING id")
    prices.set("101")
    assert await engine.tick(prices=prices) == 0


async def test_a_message_of_a_resting_order_is_deleted(engine: Engine) -> None:
    order = await place(engine, LIMIT, 100)
    assert await engine.execute(order) == {order.id}
    assert await status(engine, order) is Status.RESTING


async def test_a_sniper_waits_until_a_venue_lists_its_pair(engine: Engine) -> None:
    order = await place(engine, SNIPER, token_in="USDC", token_out="MOON", slippage_bps=10_000)
    assert await engine.tick() == 0
    engine.sql("INSERT INTO mock_chain.listings (token, venue) VALUES ('MOON', 'meteora') RETURNING token")
    assert await engine.tick() == 1
    await engine.execute(order)
    history = await engine.history(order)
    assert (history.order.status, history.order.type) == (Status.CONFIRMED, SNIPER)
    assert history.order.triggered_by and history.order.triggered_by.source == "meteora"


async def test_orders_of_an_account_that_does_not_renew_its_switch_are_cancelled(engine: Engine) -> None:
    resting, (pending,), (foreign,) = (
        await place(engine, LIMIT, FAR_ABOVE),
        await engine.place(),
        await engine.place(account="bob"),
    )
    (submitted,) = await engine.place()
    await engine.execute(submitted, chain=ScriptedChain())
    await engine.triggers.set_switch("alice", timedelta(minutes=1))
    assert await engine.tick() == 0, "its time is not over"
    assert await status(engine, resting) is Status.RESTING
    await engine.triggers.set_switch("alice", timedelta())
    await engine.tick()
    found = [await status(engine, order) for order in (resting, pending, foreign, submitted)]
    assert found == [Status.CANCELLED, Status.CANCELLED, Status.PENDING, Status.SUBMITTED]
    assert (await engine.history(submitted)).order.cancel_requested, "no further attempt follows"
    assert not (await engine.triggers.tick()).any


async def test_a_switch_that_is_off_cancels_nothing(engine: Engine) -> None:
    order = await place(engine, LIMIT, FAR_ABOVE)
    await engine.triggers.set_switch("alice", timedelta())
    await engine.triggers.clear_switch("alice")
    await engine.tick()
    assert await status(engine, order) is Status.RESTING


async def test_a_switch_keeps_the_trigger_running(engine: Engine) -> None:
    await engine.triggers.set_switch("alice", timedelta(seconds=0.3))
    await asyncio.wait_for(engine.trigger().run(timedelta(seconds=30)), timeout=10)
    assert not (await engine.triggers.tick()).any


async def test_a_cancelled_order_is_not_activated(engine: Engine, prices: Prices) -> None:
    order = await place(engine, LIMIT, 100)
    prices.set("101")
    await engine.cancel(order)
    assert await engine.tick(prices=prices) is None
    assert statuses(await engine.history(order)) == ["resting", "cancelled"]


async def test_an_order_whose_cancellation_holds_the_lock_is_left_to_it(
    engine: Engine, new_engine: NewEngine, prices: Prices
) -> None:
    order = await place(engine, LIMIT, 100)
    prices.set("101")
    results = await asyncio.gather(engine.tick(prices=prices), new_engine().cancel(order), return_exceptions=True)
    assert not [result for result in results if isinstance(result, Exception)]
    assert statuses(await engine.history(order)) in (["resting", "cancelled"], ["resting", "pending", "cancelled"])


async def test_the_first_resting_order_starts_the_trigger_once(engine: Engine, new_engine: NewEngine) -> None:
    engines = [engine, *(new_engine() for _ in range(4))]
    order = new_order(type=LIMIT, trigger_price=Decimal(1000))
    await asyncio.gather(*(each.submitter().submit(replace(order, id=new_order_id())) for each in engines))
    assert sum(each.wake_ups.sent for each in engines) == 1
    await engine.submitter().submit(new_order())
    assert engine.wake_ups.sent <= 1, "a market order waits for nothing"


async def test_an_order_placed_while_the_trigger_ends_is_seen_or_starts_another(engine: Engine) -> None:
    first = await place(engine, LIMIT, 1000)
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
    order = await place(engine, LIMIT, FAR_ABOVE)
    prices.set(str(FAR_ABOVE))
    await engine.trigger(prices=prices).run(timedelta(seconds=30))  # ends, because nothing rests any more
    await engine.execute(order)
    assert await status(engine, order) is Status.RESTING
    assert engine.wake_ups.sent == 1


async def test_a_trigger_that_gave_no_sign_of_life_is_started_again(engine: Engine) -> None:
    await engine.submitter().submit(new_order(type=LIMIT, trigger_price=Decimal(1000)))
    engine.sql("UPDATE trigger_state SET awake_until = now() - interval '1s' RETURNING 1")
    await engine.submitter().submit(new_order(type=LIMIT, trigger_price=Decimal(1000)))
    assert engine.wake_ups.sent == 2


async def test_an_expired_order_is_ended_by_the_next_tick(engine: Engine) -> None:
    order, other = await place(engine, LIMIT, 100), await place(engine, LIMIT, 100)
    engine.sql("UPDATE orders SET expires_at = now(), watchdog_at = now() WHERE id = %s RETURNING id", order.id)
    assert await engine.tick(prices=Prices()) == 0
    history = await engine.history(order)
    assert statuses(history) == ["resting", "expired"]
    assert history.order.facts.failure and history.order.facts.failure.code == "order_expired"
    assert engine.recorder.events[-1] == history.events[-1]
    assert await status(engine, other) is Status.RESTING


async def test_one_accounts_switch_holds_up_nobody_else(engine: Engine, prices: Prices) -> None:
    held_up, *others = [await place(engine, LIMIT, FAR_ABOVE, account=name) for name in ("alice", "bob", "carol")]
    market = await place(engine, LIMIT, 100, account="dave")
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
    assert await status(engine, market) is Status.PENDING
    assert [await status(engine, order) for order in others] == [Status.CANCELLED] * 2
    assert await status(engine, held_up) is Status.RESTING
    engine.orders.open_ids = cancel_all  # type: ignore[method-assign]
    await engine.tick(prices=prices)
    assert await status(engine, held_up) is Status.CANCELLED


async def test_a_switch_that_has_acted_is_not_renewed_before_it_is_done(engine: Engine) -> None:
    order = await place(engine, LIMIT, FAR_ABOVE)
    acted_at = await engine.triggers.set_switch("alice", timedelta())
    assert await engine.triggers.set_switch("alice", timedelta(minutes=1)) == acted_at
    await engine.tick()
    assert await status(engine, order) is Status.CANCELLED
    assert await engine.triggers.set_switch("alice", timedelta(minutes=1)) > acted_at


async def test_a_run_in_which_every_tick_fails_raises(engine: Engine, prices: Prices) -> None:
    await place(engine, LIMIT, 100)
    trigger = engine.trigger(prices=prices)

    async def failing() -> Any:
        raise DatabaseUnavailable()

    engine.triggers.resting = failing  # type: ignore[method-assign]
    with pytest.raises(DatabaseUnavailable):
        await trigger.run(timedelta(seconds=0.1))


async def test_failures_of_earlier_activations_do_not_count(engine: Engine, prices: Prices) -> None:
    """A limit order may rest for months; three failed transactions in all that time must not end it."""
    order = await place(engine, LIMIT, 100)
    prices.set("101")
    for _ in range(4):
        await engine.tick(prices=prices)
        await engine.execute(order, venues=[UnavailableVenue()])
        assert (await engine.history(order)).order.attempt == 1
        engine.end_backoff(order)
        await engine.execute(order, chain=ScriptedChain())
        await engine.confirm(order, chain=ScriptedChain(**{str(order.id): Unfilled(SlippageExceeded())}))
        assert (await engine.history(order)).order.attempt == 0
        engine.end_backoff(order)


async def test_a_price_that_is_gone_only_because_a_venue_failed_is_tried_again_soon(
    engine: Engine, prices: Prices
) -> None:
    order = await place(engine, LIMIT, FAR_ABOVE)
    prices.set(str(FAR_ABOVE))
    await engine.tick(prices=prices)
    await engine.execute(order, venues=[engine.venues[0], UnavailableVenue()])
    assert (await engine.history(order)).order.facts.retry_in == timedelta(seconds=1)


async def test_an_order_that_flaps_pauses_longer_and_longer(engine: Engine, prices: Prices) -> None:
    order = await place(engine, LIMIT, FAR_ABOVE)
    prices.set(str(FAR_ABOVE))
    pauses = []
    for sequence in (1, 29, 59, 10_000):
        engine.sql("UPDATE orders SET sequence = %s, not_before = NULL RETURNING id", sequence)
        await engine.tick(prices=prices)
        await engine.execute(order)
        pauses.append((await engine.history(order)).order.facts.retry_in)
    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 16)]


async def test_only_the_newest_of_many_events_are_read_and_published(engine: Engine, prices: Prices) -> None:
    order = await place(engine, LIMIT, 100)
    engine.sql(
        "INSERT INTO order_events (order_id, sequence, status, attempt, at)"
        " SELECT id, n, 'resting', 0, now() FROM orders, generate_series(2, 1000) AS n RETURNING order_id"
    )
    engine.sql("UPDATE orders SET sequence = 1000 RETURNING id")
    assert [event.sequence for event in (await engine.history(order)).events] == list(range(701, 1001))
    prices.set("101")
    await engine.tick(prices=prices)
    engine.recorder.events.clear()
    await engine.execute(order)
    assert len(engine.recorder.events) < 30


def test_a_deadline_that_is_over_has_no_time() -> None:
    async def has_time() -> bool:
        return Deadline.after(timedelta()).has_time

    assert not asyncio.run(has_time())
