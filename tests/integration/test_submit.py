"""Accepting orders: what is stored, and idempotency."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from order_engine.adapters.postgres.orders import OrderStore
from order_engine.contracts.documents import accepted_document
from order_engine.domain.errors import DatabaseUnavailable, IdempotencyConflict
from order_engine.domain.lifecycle import Status
from order_engine.use_cases.sweep import sweep
from tests.engine import WATCHDOG, Engine, new_order
from tests.integration.conftest import Play


def test_an_order_is_stored_with_its_first_event_and_queued(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        submission = await engine.submitter.submit(new_order())
        history = await engine.history(submission.order)
        assert history.order == submission.order
        assert [(event.sequence, event.status, event.attempt) for event in history.events] == [(1, Status.PENDING, 0)]
        assert engine.recorder.sent == [submission.order.id]
        assert not submission.replayed

    play(scenario)


def test_amounts_are_stored_exactly(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        for amount in ("0.000000001", "99999999999999999999", "12345678901234567890.123456789"):
            (order,) = await engine.place(amount_in=Decimal(amount))
            assert (await engine.history(order)).order.amount_in == Decimal(amount)

    play(scenario)


def test_twenty_at_once_with_one_key_are_one_order(play: Play, database_url: str) -> None:
    async def scenario(engine: Engine) -> None:
        engines = [Engine(database_url) for _ in range(20)]
        answers = await asyncio.gather(*(each.submitter.submit(new_order(client_order_id="key")) for each in engines))
        assert len({str(accepted_document(answer.order)) for answer in answers}) == 1
        assert sorted(answer.replayed for answer in answers) == [False] + [True] * 19
        # A repeat sends it again: it cannot know whether the first one did. A claim is what counts.
        sent = {order_id for each in engines for order_id in each.recorder.sent}
        assert sent == {answer.order.id for answer in answers}
        assert engine.sql("SELECT count(*) FROM orders") == [{"count": 1}]
        for each in engines:
            await each.database.close()

    play(scenario)


def test_a_replay_answers_as_at_first_even_when_the_order_moved_on(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        first = await engine.submitter.submit(new_order(client_order_id="key"))
        await engine.execute(first.order)
        again = await engine.submitter.submit(new_order(client_order_id="key", amount_in=Decimal("1.0")))
        assert again.replayed
        assert again.order.status is Status.CONFIRMED
        assert accepted_document(again.order) == accepted_document(first.order)

    play(scenario)


@pytest.mark.parametrize(
    "changes", [{"amount_in": Decimal(2)}, {"token_out": "RAY"}, {"token_in": "JUP"}, {"slippage_bps": 51}]
)
def test_the_same_key_for_another_order_is_refused(play: Play, changes: dict[str, object]) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.submitter.submit(new_order(client_order_id="key"))
        with pytest.raises(IdempotencyConflict):
            await engine.submitter.submit(new_order(client_order_id="key", **changes))
        assert engine.sql("SELECT count(*) FROM orders") == [{"count": 1}]

    play(scenario)


def test_a_key_belongs_to_its_account(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        mine = await engine.submitter.submit(new_order(client_order_id="key"))
        theirs = await engine.submitter.submit(new_order(client_order_id="key", account="bob"))
        assert mine.order.id != theirs.order.id
        assert not theirs.replayed

    play(scenario)


def test_with_the_queue_down_the_order_stands_and_the_next_sweep_sends_it(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        engine.recorder.down = True
        submission = await engine.submitter.submit(new_order())
        engine.recorder.down = False
        assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 1
        assert engine.recorder.sent == [submission.order.id]
        assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 0

    play(scenario)


def test_a_database_that_goes_right_after_the_insert_does_not_take_the_answer_back(play: Play) -> None:
    class GoneAfterPlacing(OrderStore):
        async def mark_due(self, order_id: UUID) -> None:
            raise DatabaseUnavailable()

    async def scenario(engine: Engine) -> None:
        engine.recorder.down = True
        submission = await replace(engine.submitter, orders=GoneAfterPlacing(engine.database)).submit(new_order())
        assert (await engine.history(submission.order)).order.status is Status.PENDING

    play(scenario)


def test_without_a_database_nothing_is_accepted() -> None:
    async def scenario() -> None:
        engine = Engine("postgresql://nobody@127.0.0.1:1/none")
        with pytest.raises(DatabaseUnavailable):
            await engine.submitter.submit(new_order())
        assert not engine.recorder.sent

    asyncio.run(scenario())
