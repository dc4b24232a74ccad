"""One bad row, event, value or transaction costs no other order anything, and a broken step is never passed over."""

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
from tests.engine import LIFETIME, WATCHDOG, Engine, new_order
from tests.integration.conftest import Play
from tests.integration.test_confirm import Told, in_flight
from tests.integration.test_execute import Away


class Without(Database):
    """A database that goes away for one statement."""

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


def of_another_release(engine: Engine, order: Order) -> None:
    """Its first event has a status that this release does not know."""
    engine.sql(
        "UPDATE order_events SET status = 'simulated' WHERE order_id = %s AND sequence = 1 RETURNING order_id", order.id
    )


async def status_of(engine: Engine, order: Order) -> Status:
    return (await engine.history(order)).order.status


def test_an_unreadable_event_costs_its_batch_nothing(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        bad, good = await engine.place(2)
        await engine.execute(bad, venues=[Away()])
        engine.end_backoff(bad)
        of_another_release(engine, bad)
        assert await engine.execute(bad, good) == {bad.id, good.id}
        assert await status_of(engine, good) is Status.CONFIRMED

    play(scenario)


def test_an_unreadable_event_of_a_finished_order_stops_no_confirmation(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        bad, good = await in_flight(engine, 2)
        chain = Told(**filled(bad, good))
        await engine.confirm(bad, chain=chain)
        of_another_release(engine, bad)
        await engine.confirm(bad, good, chain=chain)
        assert await status_of(engine, good) is Status.CONFIRMED

    play(scenario)


def test_an_outage_between_claim_and_announcement_costs_no_last_attempt(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        for _ in range(2):
            await engine.execute(order, venues=[Away()])
            engine.end_backoff(order)
        database = Without(engine.url, "orders.events")
        executor = replace(engine.executor(), orders=OrderStore(database))
        assert await executor.execute([order.id], timedelta(seconds=20), engine.recorder.postpone) == {order.id}
        assert await status_of(engine, order) is Status.CONFIRMED
        await database.close()

    play(scenario)


def test_an_order_in_a_token_of_another_release_loses_no_attempt(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        engine.sql("UPDATE orders SET token_in = 'WIF', watchdog_at = now() WHERE id = %s RETURNING id", order.id)
        for _ in range(3):
            (claim,) = await engine.claim(order)
            assert claim.decision is Decision.UNSUPPORTED
        assert engine.sql("SELECT attempt, status FROM orders") == [{"attempt": 0, "status": "pending"}]
        assert await engine.orders.due(10) == [], "nor is it sent to workers that cannot take it"

    play(scenario)


def test_a_status_of_another_release_costs_its_batch_nothing(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        bad, good = await engine.place(2)
        with psycopg.connect(engine.url, autocommit=True) as connection:
            connection.execute("ALTER TABLE orders DROP CONSTRAINT known_status")
            connection.execute("UPDATE orders SET status = 'simulating' WHERE id = %s", (bad.id,))
        claims = {claim.order_id: claim.decision for claim in await engine.claim(bad, good)}
        assert claims == {bad.id: Decision.UNSUPPORTED, good.id: Decision.CLAIMED}

    play(scenario)


class Picky(Told):
    """Refuses a whole request for one transaction, as an RPC may."""

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


def test_one_transaction_that_the_chain_refuses_costs_no_other(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        bad, flying, *good = await in_flight(engine, 9)
        chain = Picky(bad, **filled(*good))
        await engine.confirm(bad, flying, *good, chain=chain)
        assert {await status_of(engine, order) for order in good} == {Status.CONFIRMED}
        assert str(flying.id) in [order_id for batch in chain.sent for order_id in batch]
        ((ids, _),) = engine.recorder.handed_over
        assert set(ids) == {bad.id, flying.id}

    play(scenario)


class Short(Told):
    """Leaves an answer out."""

    async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
        return (await super().statuses(transactions))[:-1]


def test_a_chain_that_leaves_an_answer_out_hangs_nobody(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        orders = await in_flight(engine, 2)
        await asyncio.wait_for(engine.confirm(*orders, chain=Short()), 20)
        assert {await status_of(engine, order) for order in orders} == {Status.SUBMITTED}

    play(scenario)


def test_a_fill_that_cannot_be_written_down_costs_no_other(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        bad, good = await in_flight(engine, 2)
        nonsense: Any = None
        chain = Told(**filled(good), **{str(bad.id): Fill(nonsense, nonsense)})
        await engine.confirm(bad, good, chain=chain)
        assert await status_of(engine, good) is Status.CONFIRMED
        assert await status_of(engine, bad) is Status.SUBMITTED

    play(scenario)


def test_a_retry_that_was_recorded_and_not_sent_is_sent_when_the_message_comes_again(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await in_flight(engine, 1)
        chain = Told(**{str(order.id): Unfilled(TransactionReverted())})
        engine.recorder.down = True
        with pytest.raises(QueueUnavailable):
            await engine.confirm(order, chain=chain)
        engine.recorder.down = False
        await engine.confirm(order, chain=chain)
        assert engine.recorder.sent == [order.id]

    play(scenario)


def test_a_repeat_of_a_placed_order_is_never_told_that_nothing_was_stored(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.place(client_order_id="key")
        database = Without(engine.url, "orders.placed_before")
        with pytest.raises(OutcomeUnknown) as caught:
            await OrderStore(database).place(new_order(client_order_id="key"), lifetime=LIFETIME, watchdog=WATCHDOG)
        assert caught.value.order_id is None, "the order has another id than this request's"
        await database.close()

    play(scenario)
