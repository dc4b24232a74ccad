"""Executing orders on a real Postgres, with the mocked chain's ledger."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from order_engine.domain.errors import Failure, TransactionExpired
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order
from order_engine.domain.routes import NoQuoteFrom, Quote, Swap
from order_engine.domain.transactions import Transaction, Unfilled
from order_engine.venues.protocol import Venue
from testing.engine import Engine
from tests.integration.conftest import NewEngine
from tests.integration.doubles import FaultyVenue, HangingVenue, UnavailableChain, UnavailableVenue
from tests.integration.helpers import CONFIRMED_ON_FIRST_ATTEMPT, code_of, crash_after_recording, statuses


async def test_a_batch_is_executed_and_every_committed_event_is_published(engine: Engine) -> None:
    orders = await engine.place(10)
    assert await engine.execute(*orders) == {order.id for order in orders}
    for order in orders:
        history = await engine.history(order)
        assert statuses(history) == CONFIRMED_ON_FIRST_ATTEMPT
        assert engine.fills(order) == 1
        published = [event for event in engine.recorder.events if event.order_id == order.id]
        assert published == list(history.events)
    assert not engine.recorder.postponed


async def test_the_order_is_routed_to_the_best_quote_and_the_fill_is_taken_from_the_chain(engine: Engine) -> None:
    (order,) = await engine.place()
    await engine.execute(order)
    (entry,) = engine.ledger(order)
    facts = (await engine.history(order)).order.facts
    assert facts.route and facts.fill and facts.min_amount_out
    offers = {answer.venue: answer.amount_out for answer in facts.route.answers if isinstance(answer, Quote)}
    assert offers.keys() == {"raydium", "meteora"}
    assert facts.route.best.venue == entry["venue"] == max(offers, key=lambda venue: offers[venue])
    assert facts.signature == entry["signature"]
    assert facts.fill.amount_out == entry["amount_out"] >= facts.min_amount_out


async def test_orders_of_a_batch_share_commits(engine: Engine) -> None:
    orders = await engine.place(50)
    await engine.execute(*orders)
    steps = "SELECT count(*), count(DISTINCT xmin::text) AS commits FROM order_events WHERE sequence > 1"
    assert engine.sql(steps) == [{"count": 200, "commits": 4}]


@pytest.mark.parametrize("venue", [HangingVenue(), FaultyVenue(), UnavailableVenue()])
async def test_a_failing_venue_does_not_affect_the_other(engine: Engine, venue: Venue) -> None:
    (order,) = await engine.place()
    limits = replace(engine.limits, venue=timedelta(seconds=0.2))
    await engine.execute(order, venues=[engine.venues[0], venue], limits=limits)
    history = await engine.history(order)
    assert statuses(history) == CONFIRMED_ON_FIRST_ATTEMPT
    route = history.order.facts.route
    assert route
    assert route.best.venue == "raydium"
    assert isinstance(route.answers[1], NoQuoteFrom)
    assert route.answers[1].failure.code == "venue_unavailable"


@pytest.mark.parametrize("fault", ["hangs", "fails"])
async def test_an_attempt_whose_venue_fails_to_build_is_retried(engine: Engine, fault: str) -> None:
    class VenueThatCannotBuild(HangingVenue):
        name = "raydium"

        async def quote(self, swap: Swap) -> Quote:
            return await engine.venues[0].quote(swap)

        async def build(
            self, order: Order, quote: Quote, min_amount_out: Decimal, valid_until: datetime
        ) -> Transaction:
            if fault == "hangs":
                await asyncio.Event().wait()
            raise ZeroDivisionError

    (order,) = await engine.place()
    limits = replace(engine.limits, venue=timedelta(seconds=0.2))
    await engine.execute(order, venues=[VenueThatCannotBuild()], limits=limits)
    history = await engine.history(order)
    assert statuses(history) == ["pending", "routing", "building", "pending"]
    assert code_of(history) == "venue_unavailable"


async def test_a_failing_order_is_retried_with_growing_backoff_and_fails_once(engine: Engine) -> None:
    (order,) = await engine.place()
    waits = []
    for _ in range(2):
        assert await engine.execute(order, venues=[UnavailableVenue()]) == set()
        waits.append(engine.recorder.postponed[order.id].total_seconds())
        engine.end_backoff(order)
    assert 1 <= waits[0] <= 2 <= waits[1] <= 3
    assert await engine.execute(order, venues=[UnavailableVenue()]) == {order.id}
    history = await engine.history(order)
    assert statuses(history) == ["pending", "routing", "pending", "routing", "pending", "routing", "failed"]
    assert [event.attempt for event in history.events] == [0, 1, 1, 2, 2, 3, 3]
    assert history.order.facts.failure == Failure("no_quote", "No venue gave a quote. meteora is unavailable.")
    assert history.events[2].facts.retry_in == timedelta(seconds=waits[0])
    assert history.order.facts.retry_in is None
    published = [event for event in engine.recorder.events if event.status is Status.FAILED]
    assert len(published) == 1


async def test_a_retry_without_a_backoff_may_begin_at_once(engine: Engine) -> None:
    (order,) = await engine.place()
    retries = replace(engine.retries, backoff=timedelta())
    assert await engine.execute(order, venues=[UnavailableVenue()], retries=retries) == set()
    assert engine.recorder.postponed == {order.id: timedelta()}
    assert await engine.execute(order) == {order.id}
    assert statuses(await engine.history(order)) == ["pending", "routing", *CONFIRMED_ON_FIRST_ATTEMPT]


async def test_a_retry_can_succeed(engine: Engine) -> None:
    (order,) = await engine.place()
    await engine.execute(order, venues=[UnavailableVenue()])
    engine.end_backoff(order)
    await engine.execute(order)
    assert statuses(await engine.history(order)) == ["pending", "routing", *CONFIRMED_ON_FIRST_ATTEMPT]
    assert engine.fills(order) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token_in": "RAY", "token_out": "MET"}, "unsupported_pair"),
        ({"token_in": "BONK", "token_out": "SOL", "amount_in": Decimal("0.00001")}, "amount_below_minimum"),
    ],
)
async def test_an_order_that_no_venue_can_execute_fails_without_a_retry(
    engine: Engine, changes: dict[str, Any], code: str
) -> None:
    (order,) = await engine.place(**changes)
    assert await engine.execute(order) == {order.id}
    history = await engine.history(order)
    assert statuses(history) == ["pending", "routing", "failed"]
    assert code_of(history) == code
    assert not engine.ledger(order)


async def test_an_attempt_that_exceeds_the_slippage_on_the_chain_is_retried(engine: Engine) -> None:
    (order,) = await engine.place(slippage_bps=0)
    venue = engine.venues[0]

    class OverquotingVenue(HangingVenue):
        name = "raydium"

        async def quote(self, swap: Swap) -> Quote:
            answer = await venue.quote(swap)
            return replace(answer, amount_out=answer.amount_out * 2)

        build = venue.build

    await engine.execute(order, venues=[OverquotingVenue()])
    history = await engine.history(order)
    assert statuses(history) == ["pending", "routing", "building", "submitted", "pending"]
    assert code_of(history) == "slippage_exceeded"
    assert history.order.transaction is None
    assert [entry["outcome"] for entry in engine.ledger(order)] == ["slippage_exceeded"]


async def test_orders_delivered_twice_at_once_are_executed_once(engine: Engine, new_engine: NewEngine) -> None:
    other = new_engine()
    orders = await engine.place(20)
    await asyncio.gather(engine.execute(*orders), other.execute(*reversed(orders)))
    for order in orders:
        assert statuses(await engine.history(order)) == CONFIRMED_ON_FIRST_ATTEMPT
        assert engine.fills(order) == 1


async def test_a_worker_that_lost_its_lease_is_fenced(engine: Engine, new_engine: NewEngine) -> None:
    (order,) = await engine.place()
    stale = new_engine()
    resume = asyncio.Event()

    class PausedVenue(HangingVenue):
        name = "raydium"

        async def quote(self, swap: Swap) -> Quote:
            await resume.wait()
            return await engine.venues[0].quote(swap)

        async def build(
            self, order: Order, quote: Quote, min_amount_out: Decimal, valid_until: datetime
        ) -> Transaction:
            raise AssertionError("a fenced worker must not build a transaction")

    execution = asyncio.create_task(
        stale.execute(order, venues=[PausedVenue()], limits=replace(engine.limits, venue=timedelta(seconds=60)))
    )
    while (await engine.history(order)).order.status is Status.PENDING:
        await asyncio.sleep(0.01)
    engine.expire_lease(order)
    await engine.execute(order)
    resume.set()
    assert await execution == set()
    assert stale.recorder.postponed == {order.id: timedelta()}  # the next claim finds out the order's state
    assert statuses(await engine.history(order)) == ["pending", "routing", *CONFIRMED_ON_FIRST_ATTEMPT[1:]]
    assert engine.fills(order) == 1


@pytest.mark.parametrize("sent", [False, True])
async def test_a_recorded_transaction_is_handed_over_and_confirmed(engine: Engine, sent: bool) -> None:
    (order,) = await engine.place()
    transaction = await crash_after_recording(engine, order, sent=sent)
    assert await engine.execute(order) == {order.id}
    assert engine.recorder.handed_over == [([order.id], engine.limits.landing)]
    assert (await engine.history(order)).order.status is Status.SUBMITTED
    while (await engine.history(order)).order.status is Status.SUBMITTED:
        await engine.confirm(order)
    history = await engine.history(order)
    assert statuses(history) == CONFIRMED_ON_FIRST_ATTEMPT
    assert history.order.facts.signature == transaction.signature
    assert history.order.attempt == 1
    assert engine.fills(order) == 1


async def test_an_order_whose_transaction_expired_unsent_gets_a_new_one(engine: Engine) -> None:
    (order,) = await engine.place()
    first = await crash_after_recording(engine, order, sent=False)
    engine.outdate_transaction(order)
    await engine.confirm(order)
    history = await engine.history(order)
    assert statuses(history)[-2:] == ["submitted", "pending"]
    assert code_of(history) == "transaction_expired"
    assert engine.recorder.delays == {order.id: history.order.facts.retry_in}
    engine.end_backoff(order)
    await engine.execute(order)
    history = await engine.history(order)
    assert history.order.status is Status.CONFIRMED
    assert history.order.facts.signature != first.signature
    assert [entry["outcome"] for entry in engine.ledger(order)].count("filled") == 1


async def test_an_expired_transaction_can_no_longer_land(engine: Engine) -> None:
    (order,) = await engine.place()
    transaction = await crash_after_recording(engine, order, sent=False)
    late = replace(transaction, valid_until=transaction.valid_until - timedelta(hours=1))
    (status,) = await engine.chain.statuses([late])
    assert isinstance(status, Unfilled)
    assert isinstance(status.error, TransactionExpired)
    await engine.chain.send([transaction])  # from a worker whose clock is slow, or in a delayed packet
    assert engine.fills(order) == 0


async def test_an_order_stays_in_flight_and_is_handed_over_while_the_chain_is_unavailable(engine: Engine) -> None:
    (order,) = await engine.place()
    assert await engine.execute(order, chain=UnavailableChain()) == {order.id}
    assert engine.recorder.handed_over == [([order.id], engine.limits.landing)]
    assert (await engine.history(order)).order.status is Status.SUBMITTED


async def test_an_order_that_exceeds_the_time_limit_is_left_unchanged_and_postponed(engine: Engine) -> None:
    slow, quick = await engine.place(), await engine.place(token_in="RAY", token_out="SOL")

    class VenueThatHangsForSol(HangingVenue):
        name = "raydium"

        async def quote(self, swap: Swap) -> Quote:
            if swap.token_in.symbol == "SOL":
                return await super().quote(swap)
            return await engine.venues[0].quote(swap)

        async def build(
            self, order: Order, quote: Quote, min_amount_out: Decimal, valid_until: datetime
        ) -> Transaction:
            return await engine.venues[0].build(order, quote, min_amount_out, valid_until)

    limits = replace(engine.limits, venue=timedelta(seconds=60))
    assert await engine.execute(
        *slow, *quick, venues=[VenueThatHangsForSol()], limits=limits, time_limit=timedelta(seconds=0.5)
    ) == {quick[0].id}
    assert engine.recorder.postponed == {slow[0].id: engine.limits.lease}
    assert (await engine.history(slow[0])).order.status is Status.ROUTING
    assert (await engine.history(quick[0])).order.status is Status.CONFIRMED


async def test_an_order_without_attempts_left_fails(engine: Engine) -> None:
    (order,) = await engine.place()
    for _ in range(3):
        await engine.claim(order)
        engine.expire_lease(order)
    assert await engine.execute(order) == {order.id}
    history = await engine.history(order)
    assert statuses(history) == ["pending", "routing", "routing", "routing", "failed"]
    assert code_of(history) == "attempts_exhausted"
    assert engine.fills(order) == 0


async def test_the_events_of_a_redelivered_finished_order_are_published_again(engine: Engine) -> None:
    (order,) = await engine.place()
    engine.recorder.down = True  # the worker could not publish
    await engine.execute(order)
    engine.recorder.down = False
    assert engine.recorder.events == []
    assert await engine.execute(order) == {order.id}
    assert [str(event.status) for event in engine.recorder.events] == CONFIRMED_ON_FIRST_ATTEMPT
    assert statuses(await engine.history(order)) == CONFIRMED_ON_FIRST_ATTEMPT


async def test_the_message_of_an_unknown_order_is_not_deleted(engine: Engine) -> None:
    known = await engine.place()
    unknown = replace(known[0], id=type(known[0].id)(int=1))
    assert await engine.execute(unknown, *known) == {known[0].id}
    assert engine.recorder.postponed == {unknown.id: timedelta()}
