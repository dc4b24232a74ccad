"""Group commit: a rejected transition does not affect the others of its batch."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from order_engine.domain.claims import Decision
from order_engine.domain.errors import Fenced, StatementRejected, VenueUnavailable
from order_engine.domain.facts import Facts
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order
from order_engine.domain.routes import Quote, Swap
from order_engine.domain.transactions import Transaction
from order_engine.domain.transitions import failed, retried
from testing.engine import Engine
from tests.integration.doubles import HangingVenue
from tests.integration.helpers import CONFIRMED_ON_FIRST_ATTEMPT, statuses

MESSAGE = "half\0a message"


class VenueWithUnstorableError(HangingVenue):
    """A venue that fails for an amount of 13, with a message that Postgres cannot store."""

    def __init__(self, engine: Engine) -> None:
        self._venue = engine.venues[0]
        self.name = self._venue.name

    async def quote(self, swap: Swap) -> Quote:
        if swap.amount_in == 13:
            raise VenueUnavailable(MESSAGE)
        return await self._venue.quote(swap)

    async def build(self, order: Order, quote: Quote, min_amount_out: Decimal, valid_until: datetime) -> Transaction:
        return await self._venue.build(order, quote, min_amount_out, valid_until)


async def test_an_error_message_that_cannot_be_stored_as_it_is_does_not_affect_other_orders(engine: Engine) -> None:
    (failing,), others = await engine.place(amount_in=Decimal(13)), await engine.place(9)
    done = await engine.execute(failing, *others, venues=[VenueWithUnstorableError(engine)])
    assert done == {order.id for order in others}
    for order in others:
        assert statuses(await engine.history(order)) == CONFIRMED_ON_FIRST_ATTEMPT
    history = await engine.history(failing)
    assert statuses(history) == ["pending", "routing", "pending"]
    assert history.order.facts.failure
    assert "half\N{REPLACEMENT CHARACTER}a message" in history.order.facts.failure.message


async def test_a_step_that_postgres_rejects_does_not_affect_the_rest_of_its_batch(engine: Engine) -> None:
    orders = await engine.place(5)
    claimed = [claim.order for claim in await engine.claim(*orders) if claim.order]
    transitions = [failed(order, VenueUnavailable()) for order in claimed]
    transitions[2] = replace(transitions[2], facts=Facts(signature="a\0b"))
    results = await asyncio.gather(*map(engine.journal.record, transitions), return_exceptions=True)
    assert [type(result) for result in results] == [Order, Order, StatementRejected, Order, Order]
    await engine.journal.drain(asyncio.get_running_loop().time() + 5)
    assert {event.order_id for event in engine.recorder.events} == {
        order.id for order in transitions if order is not transitions[2]
    }
    rejected = (await engine.history(transitions[2])).order
    assert (rejected.status, rejected.sequence) == (Status.ROUTING, 2)


async def test_a_fenced_step_is_neither_written_nor_published(engine: Engine) -> None:
    (order,) = await engine.place()
    (first,) = await engine.claim(order)
    engine.expire_lease(order)
    (second,) = await engine.claim(order)
    assert first.order and second.order
    stale = failed(first.order, VenueUnavailable())
    twice = failed(second.order, VenueUnavailable())
    results = await asyncio.gather(*(engine.journal.record(order) for order in (stale, twice)), return_exceptions=True)
    assert isinstance(results[0], Fenced)
    with pytest.raises(Fenced):
        await engine.journal.record(twice)
    with pytest.raises(Fenced):
        await engine.journal.record(replace(twice, id=uuid4()))
    await engine.journal.drain(asyncio.get_running_loop().time() + 5)
    assert [event.attempt for event in engine.recorder.events] == [2]
    assert statuses(await engine.history(order)) == ["pending", "routing", "routing", "failed"]


async def test_a_retry_without_a_delay_can_be_claimed_at_once(engine: Engine) -> None:
    """A backoff of less than half a second is rounded to zero."""
    (order,) = await engine.place()
    (first,) = await engine.claim(order)
    assert first.order
    await engine.journal.record(retried(first.order, VenueUnavailable(), timedelta()))
    (second,) = await engine.claim(order)
    assert (second.decision, second.order and second.order.attempt) == (Decision.CLAIMED, 2)
