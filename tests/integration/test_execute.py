"""Executing orders, with real SQL and the mocked chain's ledger."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from order_engine.domain.errors import Failure, TransactionExpired, VenueUnavailable
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import History, Order
from order_engine.domain.routes import NoQuoteFrom, Quote, Swap
from order_engine.domain.transactions import Transaction, Unfilled
from order_engine.domain.transitions import building, submitted
from order_engine.use_cases.quote import quote
from order_engine.venues.protocol import Venue
from tests.engine import Engine
from tests.integration.conftest import Play

CONFIRMED_AT_ONCE = ["pending", "routing", "building", "submitted", "confirmed"]


class Hanging:
    """A venue that never answers."""

    name = "meteora"

    async def quote(self, swap: Swap) -> Quote:
        await asyncio.Event().wait()
        raise AssertionError

    async def build(self, order: Order, quote: Quote, min_amount_out: Decimal, valid_until: datetime) -> Transaction:
        raise AssertionError


class Broken(Hanging):
    """A venue whose SDK has a fault."""

    async def quote(self, swap: Swap) -> Quote:
        raise ZeroDivisionError


class Away(Hanging):
    """A venue that answers with an error."""

    async def quote(self, swap: Swap) -> Quote:
        raise VenueUnavailable("meteora is away.")


class Silent:
    """A chain that cannot be asked."""

    async def send(self, transactions: Sequence[Transaction]) -> None:
        raise VenueUnavailable("no answer")

    async def statuses(self, transactions: Sequence[Transaction]) -> Any:
        raise VenueUnavailable("no answer")


def in_seconds(seconds: float) -> datetime:
    """A time from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def code_of(history: History) -> str:
    """Why the order, or its last attempt, failed."""
    assert history.order.facts.failure
    return history.order.facts.failure.code


def statuses(history: History) -> list[str]:
    assert [event.sequence for event in history.events] == list(range(1, len(history.events) + 1))
    return [str(event.status) for event in history.events]


def test_a_batch_is_executed_and_every_event_is_published_once_committed(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        orders = await engine.place(10)
        assert await engine.execute(*orders) == {order.id for order in orders}
        for order in orders:
            history = await engine.history(order)
            assert statuses(history) == CONFIRMED_AT_ONCE
            assert engine.fills(order) == 1
            published = [event for event in engine.recorder.events if event.order_id == order.id]
            assert published == list(history.events)
        assert not engine.recorder.postponed

    play(scenario)


def test_the_better_venue_wins_and_the_fill_is_the_chains(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
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

    play(scenario)


def test_commits_are_shared(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        orders = await engine.place(50)
        await engine.execute(*orders)
        steps = "SELECT count(*), count(DISTINCT xmin::text) AS commits FROM order_events WHERE sequence > 1"
        assert engine.sql(steps) == [{"count": 200, "commits": 4}]

    play(scenario)


@pytest.mark.parametrize("venue", [Hanging(), Broken(), Away()])
def test_one_venue_in_trouble_does_not_stop_the_other(play: Play, venue: Venue) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        limits = replace(engine.limits, venue=timedelta(seconds=0.2))
        await engine.execute(order, venues=[engine.venues[0], venue], limits=limits)
        history = await engine.history(order)
        assert statuses(history) == CONFIRMED_AT_ONCE
        route = history.order.facts.route
        assert route
        assert route.best.venue == "raydium"
        assert isinstance(route.answers[1], NoQuoteFrom)
        assert route.answers[1].failure.code == "venue_unavailable"

    play(scenario)


@pytest.mark.parametrize("fault", ["hangs", "fails"])
def test_a_venue_in_trouble_while_it_builds_is_tried_again(play: Play, fault: str) -> None:
    async def scenario(engine: Engine) -> None:
        class Unbuilt(Hanging):
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
        await engine.execute(order, venues=[Unbuilt()], limits=limits)
        history = await engine.history(order)
        assert statuses(history) == ["pending", "routing", "building", "pending"]
        assert code_of(history) == "venue_unavailable"

    play(scenario)


def test_a_failing_order_is_retried_with_growing_backoff_and_fails_once(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        waits = []
        for _ in range(2):
            assert await engine.execute(order, venues=[Away()]) == set()
            waits.append(engine.recorder.postponed[order.id].total_seconds())
            engine.end_backoff(order)
        assert 1 <= waits[0] <= 2 <= waits[1] <= 3
        assert await engine.execute(order, venues=[Away()]) == {order.id}
        history = await engine.history(order)
        assert statuses(history) == ["pending", "routing", "pending", "routing", "pending", "routing", "failed"]
        assert [event.attempt for event in history.events] == [0, 1, 1, 2, 2, 3, 3]
        assert history.order.facts.failure == Failure("no_quote", "No venue gave a quote. meteora is away.")
        assert history.events[2].facts.retry_in == timedelta(seconds=waits[0])
        assert history.order.facts.retry_in is None
        told = [event.status for event in engine.recorder.events if event.status is Status.FAILED]
        assert len(told) == 1

    play(scenario)


def test_a_retry_without_backoff_may_begin_at_once(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        retries = replace(engine.retries, backoff=timedelta())
        assert await engine.execute(order, venues=[Away()], retries=retries) == set()
        assert engine.recorder.postponed == {order.id: timedelta()}
        assert await engine.execute(order) == {order.id}
        assert statuses(await engine.history(order)) == ["pending", "routing", *CONFIRMED_AT_ONCE]

    play(scenario)


def test_a_retry_can_succeed(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.execute(order, venues=[Away()])
        engine.end_backoff(order)
        await engine.execute(order)
        assert statuses(await engine.history(order)) == ["pending", "routing", *CONFIRMED_AT_ONCE]
        assert engine.fills(order) == 1

    play(scenario)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token_in": "RAY", "token_out": "MET"}, "unsupported_pair"),
        ({"token_in": "BONK", "token_out": "SOL", "amount_in": Decimal("0.00001")}, "amount_below_minimum"),
    ],
)
def test_what_cannot_get_better_fails_at_once(play: Play, changes: dict[str, Any], code: str) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place(**changes)
        assert await engine.execute(order) == {order.id}
        history = await engine.history(order)
        assert statuses(history) == ["pending", "routing", "failed"]
        assert code_of(history) == code
        assert not engine.ledger(order)

    play(scenario)


def test_the_chain_enforces_slippage_and_the_attempt_is_retried(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place(slippage_bps=0)
        honest = engine.venues[0]

        class Optimist:
            name = "raydium"

            async def quote(self, swap: Swap) -> Quote:
                answer = await honest.quote(swap)
                return replace(answer, amount_out=answer.amount_out * 2)

            build = honest.build

        await engine.execute(order, venues=[Optimist()])
        history = await engine.history(order)
        assert statuses(history) == ["pending", "routing", "building", "submitted", "pending"]
        assert code_of(history) == "slippage_exceeded"
        assert history.order.transaction is None
        assert [entry["outcome"] for entry in engine.ledger(order)] == ["slippage_exceeded"]

    play(scenario)


def test_delivered_twice_at_once_is_executed_once(play: Play, database_url: str) -> None:
    async def scenario(engine: Engine) -> None:
        other = Engine(database_url)
        orders = await engine.place(20)
        await asyncio.gather(engine.execute(*orders), other.execute(*reversed(orders)))
        for order in orders:
            assert statuses(await engine.history(order)) == CONFIRMED_AT_ONCE
            assert engine.fills(order) == 1
        await other.database.close()

    play(scenario)


def test_a_worker_whose_lease_was_taken_writes_nothing(play: Play, database_url: str) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        zombie = Engine(database_url)
        resume = asyncio.Event()

        class Slow:
            name = "raydium"

            async def quote(self, swap: Swap) -> Quote:
                await resume.wait()
                return await engine.venues[0].quote(swap)

            async def build(
                self, order: Order, quote: Quote, min_amount_out: Decimal, valid_until: datetime
            ) -> Transaction:
                raise AssertionError("a fenced worker builds nothing")

        asleep = asyncio.create_task(
            zombie.execute(order, venues=[Slow()], limits=replace(engine.limits, venue=timedelta(seconds=60)))
        )
        while (await engine.history(order)).order.status is Status.PENDING:
            await asyncio.sleep(0.01)
        engine.expire_lease(order)
        await engine.execute(order)
        resume.set()
        assert await asleep == set()
        assert zombie.recorder.postponed == {order.id: timedelta()}  # the next claim says how the order stands
        assert statuses(await engine.history(order)) == ["pending", "routing", *CONFIRMED_AT_ONCE[1:]]
        assert engine.fills(order) == 1
        await zombie.database.close()

    play(scenario)


async def die_after_recording(engine: Engine, order: Order, *, sent: bool) -> Transaction:
    """What a worker leaves that dies right after it recorded its transaction, before or after it sent it."""
    (claim,) = await engine.claim(order)
    assert claim.order
    claimed = claim.order
    route = await quote(claimed.swap, engine.venues, timedelta(seconds=2))
    claimed = await engine.journal.record(building(claimed, route))
    venue = next(venue for venue in engine.venues if venue.name == route.best.venue)
    transaction = await venue.build(claimed, route.best, claimed.min_amount_out_for(route.best), in_seconds(15))
    await engine.journal.record(submitted(claimed, transaction))
    if sent:
        await engine.chain.send([transaction])
    return transaction


@pytest.mark.parametrize("sent", [False, True])
def test_a_recorded_transaction_is_handed_over_and_seen_through(play: Play, sent: bool) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        transaction = await die_after_recording(engine, order, sent=sent)
        assert await engine.execute(order) == {order.id}
        assert engine.recorder.handed_over == [([order.id], engine.limits.landing)]
        assert (await engine.history(order)).order.status is Status.SUBMITTED
        while (await engine.history(order)).order.status is Status.SUBMITTED:
            await engine.confirm(order)
        history = await engine.history(order)
        assert statuses(history) == CONFIRMED_AT_ONCE
        assert history.order.facts.signature == transaction.signature
        assert history.order.attempt == 1
        assert engine.fills(order) == 1

    play(scenario)


def test_a_transaction_that_expired_unsent_is_built_anew(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        first = await die_after_recording(engine, order, sent=False)
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

    play(scenario)


def test_an_expired_transaction_can_no_longer_land(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        transaction = await die_after_recording(engine, order, sent=False)
        late = replace(transaction, valid_until=transaction.valid_until - timedelta(hours=1))
        (status,) = await engine.chain.statuses([late])
        assert isinstance(status, Unfilled)
        assert isinstance(status.error, TransactionExpired)
        await engine.chain.send([transaction])  # a clock that is behind, or a packet that took long
        assert engine.fills(order) == 0

    play(scenario)


def test_a_chain_that_cannot_be_asked_leaves_the_order_in_flight_and_hands_it_over(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        assert await engine.execute(order, chain=Silent()) == {order.id}
        assert engine.recorder.handed_over == [([order.id], engine.limits.landing)]
        assert (await engine.history(order)).order.status is Status.SUBMITTED

    play(scenario)


def test_out_of_time_an_order_stays_as_it_is_and_comes_back(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        slow, quick = await engine.place(), await engine.place(token_in="RAY", token_out="SOL")

        class SlowForSol(Hanging):
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
            *slow, *quick, venues=[SlowForSol()], limits=limits, time_limit=timedelta(seconds=0.5)
        ) == {quick[0].id}
        assert engine.recorder.postponed == {slow[0].id: engine.limits.lease}
        assert (await engine.history(slow[0])).order.status is Status.ROUTING
        assert (await engine.history(quick[0])).order.status is Status.CONFIRMED

    play(scenario)


def test_an_order_without_attempts_left_gets_its_last_word(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        for _ in range(3):
            await engine.claim(order)
            engine.expire_lease(order)
        assert await engine.execute(order) == {order.id}
        history = await engine.history(order)
        assert statuses(history) == ["pending", "routing", "routing", "routing", "failed"]
        assert code_of(history) == "attempts_exhausted"
        assert engine.fills(order) == 0

    play(scenario)


def test_a_redelivered_finished_order_is_told_again_and_left_alone(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        engine.recorder.down = True  # the worker could not publish
        await engine.execute(order)
        engine.recorder.down = False
        assert engine.recorder.events == []
        assert await engine.execute(order) == {order.id}
        assert [str(event.status) for event in engine.recorder.events] == CONFIRMED_AT_ONCE
        assert statuses(await engine.history(order)) == CONFIRMED_AT_ONCE

    play(scenario)


def test_an_unknown_order_is_not_done(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        known = await engine.place()
        ghost = replace(known[0], id=type(known[0].id)(int=1))
        assert await engine.execute(ghost, *known) == {known[0].id}
        assert engine.recorder.postponed == {ghost.id: timedelta()}

    play(scenario)
