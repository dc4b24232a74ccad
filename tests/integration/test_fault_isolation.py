"""An invalid row, event, value or transaction does not affect other orders, and a failed step is repeated."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow

from order_engine.adapters.postgres.database import Database, Parameters
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.domain.claims import Decision
from order_engine.domain.errors import DatabaseUnavailable, OutcomeUnknown, QueueUnavailable, TransactionReverted
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order
from order_engine.domain.transactions import Fill, Transaction, TransactionStatus, Unfilled
from testing.engine import Engine, new_order
from tests.integration.doubles import ScriptedChain, UnavailableVenue
from tests.integration.helpers import in_flight

pytestmark = pytest.mark.reliability


class DatabaseWithout(Database):
    """A database that is unavailable for one statement."""

    def __init__(self, url: str, statement: str) -> None:
        super().__init__(url)
        self._refused = statement

    async def fetch(
        self, statement: str, parameters: Parameters | None = None, *, prepare: bool = False
    ) -> list[DictRow]:
        if statement == self._refused:
            raise DatabaseUnavailable()
        return await super().fetch(statement, parameters, prepare=prepare)


def filled(*orders: Order) -> dict[str, TransactionStatus]:
    return {str(order.id): Fill(order.amount_in, order.amount_in) for order in orders}


def make_unreadable(engine: Engine, order: Order) -> None:
    """Give the order's first event a status that this release does not know."""
    engine.sql(
        "UPDATE order_events SET status = 'simulated' WHERE order_id = %s AND sequence = 1 RETURNING order_id", order.id
    )


async def status_of(engine: Engine, order: Order) -> Status:
    return (await engine.history(order)).order.status


async def test_an_unreadable_event_does_not_affect_its_batch(engine: Engine) -> None:
    bad, good = await engine.place(2)
    await engine.execute(bad, venues=[UnavailableVenue()])
    engine.end_backoff(bad)
    make_unreadable(engine, bad)
    assert await engine.execute(bad, good) == {bad.id, good.id}
    assert await status_of(engine, good) is Status.CONFIRMED


async def test_an_unreadable_event_of_a_finished_order_does_not_prevent_confirmations(engine: Engine) -> None:
    bad, good = await in_flight(engine, 2)
    chain = ScriptedChain(**filled(bad, good))
    await engine.confirm(bad, chain=chain)
    make_unreadable(engine, bad)
    await engine.confirm(bad, good, chain=chain)
    assert await status_of(engine, good) is Status.CONFIRMED


async def test_the_last_attempt_continues_when_its_claim_cannot_be_announced(engine: Engine) -> None:
    (order,) = await engine.place()
    for _ in range(2):
        await engine.execute(order, venues=[UnavailableVenue()])
        engine.end_backoff(order)
    database = DatabaseWithout(engine.url, "orders.events")
    executor = replace(engine.executor(), orders=OrderStore(database))
    assert await executor.execute([order.id], timedelta(seconds=20), engine.recorder.postpone) == {order.id}
    assert await status_of(engine, order) is Status.CONFIRMED
    await database.close()


async def test_claiming_an_order_in_an_unknown_token_uses_no_attempt(engine: Engine) -> None:
    (order,) = await engine.place()
    engine.sql("UPDATE orders SET token_in = 'WIF', watchdog_at = now() WHERE id = %s RETURNING id", order.id)
    for _ in range(3):
        (claim,) = await engine.claim(order)
        assert claim.decision is Decision.UNSUPPORTED
    assert engine.sql("SELECT attempt, status FROM orders") == [{"attempt": 0, "status": "pending"}]
    assert await engine.orders.due(10) == [], "the sweeper does not send it to workers that cannot execute it"


async def test_an_unknown_status_does_not_affect_its_batch(engine: Engine) -> None:
    bad, good = await engine.place(2)
    with psycopg.connect(engine.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE orders DROP CONSTRAINT known_status")
        connection.execute("UPDATE orders SET status = 'simulating' WHERE id = %s", (bad.id,))
    claims = {claim.order_id: claim.decision for claim in await engine.claim(bad, good)}
    assert claims == {bad.id: Decision.UNSUPPORTED, good.id: Decision.CLAIMED}


class ChainThatRejects(ScriptedChain):
    """A chain that rejects every request containing one transaction, as an RPC endpoint may."""

    def __init__(self, bad: Order, **statuses: TransactionStatus) -> None:
        super().__init__(**statuses)
        self._bad = str(bad.id)

    async def send(self, transactions: Sequence[Transaction]) -> None:
        self._check(transactions)
        await super().send(transactions)

    async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
        self._check(transactions)
        return await super().statuses(transactions)

    def _check(self, transactions: Sequence[Transaction]) -> None:
        if any(transaction.order_id == self._bad for transaction in transactions):
            raise ValueError("malformed signature")


async def test_a_transaction_that_the_chain_rejects_does_not_affect_the_others(engine: Engine) -> None:
    bad, unlanded, *good = await in_flight(engine, 9)
    chain = ChainThatRejects(bad, **filled(*good))
    await engine.confirm(bad, unlanded, *good, chain=chain)
    assert {await status_of(engine, order) for order in good} == {Status.CONFIRMED}
    assert str(unlanded.id) in [order_id for batch in chain.sent for order_id in batch]
    ((ids, _),) = engine.recorder.handed_over
    assert set(ids) == {bad.id, unlanded.id}


class IncompleteChain(ScriptedChain):
    """A chain whose responses lack the last status."""

    async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
        return (await super().statuses(transactions))[:-1]


async def test_an_incomplete_response_of_the_chain_does_not_block_the_confirmer(engine: Engine) -> None:
    orders = await in_flight(engine, 2)
    await asyncio.wait_for(engine.confirm(*orders, chain=IncompleteChain()), 20)
    assert {await status_of(engine, order) for order in orders} == {Status.SUBMITTED}


async def test_a_fill_that_cannot_be_recorded_does_not_affect_the_others(engine: Engine) -> None:
    bad, good = await in_flight(engine, 2)
    invalid: Any = None
    chain = ScriptedChain(**filled(good), **{str(bad.id): Fill(invalid, invalid)})
    await engine.confirm(bad, good, chain=chain)
    assert await status_of(engine, good) is Status.CONFIRMED
    assert await status_of(engine, bad) is Status.SUBMITTED


async def test_a_retry_that_was_recorded_but_not_queued_is_queued_on_redelivery(engine: Engine) -> None:
    (order,) = await in_flight(engine, 1)
    chain = ScriptedChain(**{str(order.id): Unfilled(TransactionReverted())})
    engine.recorder.down = True
    with pytest.raises(QueueUnavailable):
        await engine.confirm(order, chain=chain)
    engine.recorder.down = False
    await engine.confirm(order, chain=chain)
    assert engine.recorder.sent == [order.id]


async def test_the_outcome_of_a_repeated_request_is_unknown_when_the_first_order_cannot_be_looked_up(
    engine: Engine,
) -> None:
    await engine.place(client_order_id="key")
    database = DatabaseWithout(engine.url, "orders.placed_before")
    with pytest.raises(OutcomeUnknown) as caught:
        await engine.submitter(store=OrderStore(database)).submit(new_order(client_order_id="key"))
    assert caught.value.order_id is None, "the stored order's id is not this request's"
    await database.close()
