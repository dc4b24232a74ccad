"""Accepting orders: what is stored, and idempotency."""

import asyncio
from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

import pytest

from order_engine.adapters.postgres.orders import OrderStore
from order_engine.contracts.documents import accepted_document
from order_engine.domain.errors import DatabaseUnavailable, IdempotencyConflict
from order_engine.domain.lifecycle import Status
from order_engine.use_cases.sweep import sweep
from testing.engine import WATCHDOG, Engine, new_order
from tests.integration.conftest import NewEngine


async def test_an_order_is_stored_with_its_first_event_and_queued(engine: Engine) -> None:
    submission = await engine.submitter().submit(new_order())
    history = await engine.history(submission.order)
    assert history.order == submission.order
    assert [(event.sequence, event.status, event.attempt) for event in history.events] == [(1, Status.PENDING, 0)]
    assert engine.recorder.sent == [submission.order.id]
    assert not submission.replayed


async def test_amounts_are_stored_exactly(engine: Engine) -> None:
    for amount in ("0.000000001", "99999999999999999999", "12345678901234567890.123456789"):
        (order,) = await engine.place(amount_in=Decimal(amount))
        assert (await engine.history(order)).order.amount_in == Decimal(amount)


async def test_concurrent_requests_with_the_same_key_place_one_order(engine: Engine, new_engine: NewEngine) -> None:
    engines = [new_engine() for _ in range(20)]
    submissions = await asyncio.gather(*(each.submitter().submit(new_order(client_order_id="key")) for each in engines))
    assert len({str(accepted_document(submission.placement)) for submission in submissions}) == 1
    assert sorted(submission.replayed for submission in submissions) == [False] + [True] * 19
    # A repeated request sends the order's message again: it cannot know whether the first request did.
    sent = {order_id for each in engines for order_id in each.recorder.sent}
    assert sent == {submission.order.id for submission in submissions}
    assert engine.sql("SELECT count(*) FROM orders") == [{"count": 1}]


async def test_a_replay_gets_the_original_response_even_after_the_order_was_executed(engine: Engine) -> None:
    first = await engine.submitter().submit(new_order(client_order_id="key"))
    await engine.execute(first.order)
    again = await engine.submitter().submit(new_order(client_order_id="key", amount_in=Decimal("1.0")))
    assert again.replayed
    assert again.order.status is Status.CONFIRMED
    assert accepted_document(again.placement) == accepted_document(first.placement)


@pytest.mark.parametrize(
    "changes", [{"amount_in": Decimal(2)}, {"token_out": "RAY"}, {"token_in": "JUP"}, {"slippage_bps": 51}]
)
async def test_the_same_key_with_a_different_order_is_rejected(engine: Engine, changes: dict[str, object]) -> None:
    await engine.submitter().submit(new_order(client_order_id="key"))
    with pytest.raises(IdempotencyConflict):
        await engine.submitter().submit(new_order(client_order_id="key", **changes))
    assert engine.sql("SELECT count(*) FROM orders") == [{"count": 1}]


async def test_idempotency_keys_are_separate_for_each_account(engine: Engine) -> None:
    mine = await engine.submitter().submit(new_order(client_order_id="key"))
    theirs = await engine.submitter().submit(new_order(client_order_id="key", account="bob"))
    assert mine.order.id != theirs.order.id
    assert not theirs.replayed


async def test_an_order_placed_while_the_queue_is_unavailable_is_sent_by_the_next_sweep(engine: Engine) -> None:
    engine.recorder.down = True
    submission = await engine.submitter().submit(new_order())
    engine.recorder.down = False
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 1
    assert engine.recorder.sent == [submission.order.id]
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 0


async def test_an_order_is_accepted_even_if_the_database_becomes_unavailable_right_after_the_insert(
    engine: Engine,
) -> None:
    class UnavailableAfterPlacing(OrderStore):
        async def mark_due(self, ids: Collection[UUID]) -> None:
            raise DatabaseUnavailable()

    engine.recorder.down = True
    submission = await engine.submitter(store=UnavailableAfterPlacing(engine.database)).submit(new_order())
    assert (await engine.history(submission.order)).order.status is Status.PENDING


async def test_no_order_is_accepted_without_a_database() -> None:
    engine = Engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable):
        await engine.submitter().submit(new_order())
    assert not engine.recorder.sent
