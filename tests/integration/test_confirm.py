"""The confirmer: it settles orders in flight, hundreds with one request, and each of them once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from order_engine.adapters.postgres.journal import Journal
from order_engine.domain.errors import DatabaseUnavailable, QueueUnavailable, TransactionReverted, VenueUnavailable
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order, OrderEvent
from order_engine.domain.transactions import Fill, Transaction, TransactionStatus, Unfilled
from testing.engine import INTERVAL, WATCHDOG, Engine, Recorder
from tests.integration.conftest import NewEngine
from tests.integration.doubles import ScriptedChain, UnavailableChain
from tests.integration.helpers import CONFIRMED_ON_FIRST_ATTEMPT, code_of, in_flight, statuses


async def test_hundreds_of_orders_are_settled_with_one_request_and_one_commit(engine: Engine) -> None:
    orders = await in_flight(engine, 300)
    chain = ScriptedChain(**{str(order.id): Fill(order.amount_in, order.amount_in) for order in orders})
    await engine.confirm(*orders, chain=chain)
    assert len(chain.queried) == 1
    assert not chain.sent
    steps = "SELECT count(*), count(DISTINCT xmin::text) AS commits FROM order_events WHERE status = 'confirmed'"
    assert engine.sql(steps) == [{"count": 300, "commits": 1}]
    assert not engine.recorder.handed_over


async def test_transactions_in_flight_are_resent_and_checked_again_after_the_interval(engine: Engine) -> None:
    landed, unlanded, other = await in_flight(engine, 3)
    chain = ScriptedChain(**{str(landed.id): Fill(landed.amount_in, landed.amount_in)})
    await engine.confirm(landed, unlanded, other, chain=chain)
    assert [sorted(batch) for batch in chain.sent] == [sorted([str(unlanded.id), str(other.id)])]
    ((ids, delay),) = engine.recorder.handed_over
    assert (set(ids), delay) == ({unlanded.id, other.id}, INTERVAL)
    assert (await engine.history(landed)).order.status is Status.CONFIRMED
    assert (await engine.history(unlanded)).order.status is Status.SUBMITTED


async def test_a_failed_order_is_requeued_after_its_backoff(engine: Engine) -> None:
    (order,) = await in_flight(engine, 1)
    await engine.confirm(order, chain=ScriptedChain(**{str(order.id): Unfilled(TransactionReverted())}))
    history = await engine.history(order)
    assert statuses(history)[-2:] == ["submitted", "pending"]
    assert engine.recorder.delays == {order.id: history.order.facts.retry_in}
    assert history.order.transaction is None


async def test_an_order_whose_last_attempt_fails_fails_with_its_error(engine: Engine) -> None:
    (order,) = await in_flight(engine, 1)
    engine.sql("UPDATE orders SET attempt = 3 WHERE id = %s RETURNING id", order.id)
    await engine.confirm(order, chain=ScriptedChain(**{str(order.id): Unfilled(TransactionReverted())}))
    assert code_of(await engine.history(order)) == "transaction_reverted"
    assert not engine.recorder.sent


async def test_orders_stay_in_flight_and_are_checked_again_while_the_chain_is_unavailable(engine: Engine) -> None:
    orders = await in_flight(engine, 2)
    await engine.confirm(*orders, chain=UnavailableChain())
    ((ids, _),) = engine.recorder.handed_over
    assert set(ids) == {order.id for order in orders}


@pytest.mark.parametrize("fault", [VenueUnavailable, ZeroDivisionError])
async def test_orders_are_checked_again_after_the_chain_hangs_or_fails(engine: Engine, fault: type[Exception]) -> None:
    class FailingChain(ScriptedChain):
        async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
            if fault is VenueUnavailable:
                await asyncio.Event().wait()
            raise fault

    (order,) = await in_flight(engine, 1)
    await engine.confirm(order, chain=FailingChain(), chain_limit=timedelta(seconds=0.1))
    assert engine.recorder.handed_over == [([order.id], INTERVAL)]


async def test_concurrent_confirmers_record_a_confirmation_once(engine: Engine, new_engine: NewEngine) -> None:
    orders = await in_flight(engine, 20)
    others = [new_engine() for _ in range(3)]
    chain = ScriptedChain(**{str(order.id): Fill(order.amount_in, order.amount_in) for order in orders})
    await asyncio.gather(*(each.confirm(*orders, chain=chain) for each in (engine, *others)))
    for order in orders:
        assert statuses(await engine.history(order)) == CONFIRMED_ON_FIRST_ATTEMPT


async def test_the_events_of_a_redelivered_finished_order_are_published_again(engine: Engine) -> None:
    """An earlier confirmer may have crashed between its commit and the publication."""
    (order,) = await engine.place()
    await engine.execute(order)
    engine.recorder.events.clear()
    await engine.confirm(order)
    assert [str(event.status) for event in engine.recorder.events] == CONFIRMED_ON_FIRST_ATTEMPT


async def test_pending_orders_are_requeued_and_leased_or_unknown_ones_left_alone(engine: Engine) -> None:
    waiting, claimed = await engine.place(2)
    await engine.claim(claimed)
    chain = ScriptedChain()
    await engine.confirmer(chain=chain).confirm([waiting.id, claimed.id, uuid4()], timedelta(seconds=20))
    assert not chain.queried and not chain.sent and not engine.recorder.handed_over
    assert engine.recorder.sent == [waiting.id]


async def test_confirming_raises_an_error_while_the_queue_is_unavailable(engine: Engine) -> None:
    (order,) = await in_flight(engine, 1)
    engine.recorder.down = True
    with pytest.raises(QueueUnavailable):
        await engine.confirm(order, chain=ScriptedChain())


async def test_confirming_raises_an_error_while_the_database_is_unavailable(engine: Engine) -> None:
    (order,) = await in_flight(engine, 1)
    with pytest.raises(DatabaseUnavailable):
        await Engine("postgresql://nobody@127.0.0.1:1/none").confirm(order)


async def test_orders_that_are_not_settled_within_the_time_limit_are_checked_again(engine: Engine) -> None:
    class HangingChain(ScriptedChain):
        async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
            await asyncio.Event().wait()
            raise AssertionError

    (order,) = await in_flight(engine, 1)
    await engine.confirm(
        order, chain=HangingChain(), chain_limit=timedelta(minutes=1), time_limit=timedelta(seconds=0.2)
    )
    assert engine.recorder.handed_over == [([order.id], INTERVAL)]


async def test_an_order_whose_step_has_an_unknown_outcome_is_checked_again(engine: Engine) -> None:
    class JournalThatLosesResponses(Journal):
        async def record(self, order: Order) -> Order:
            await super().record(order)
            raise DatabaseUnavailable()

    orders = await in_flight(engine, 2)
    chain = ScriptedChain(**{str(order.id): Fill(order.amount_in, order.amount_in) for order in orders})
    journal = JournalThatLosesResponses(engine.database, engine.recorder, watchdog=WATCHDOG)
    await engine.confirm(*orders, chain=chain, journal=journal)
    ((ids, delay),) = engine.recorder.handed_over
    assert (set(ids), delay) == ({order.id for order in orders}, INTERVAL)
    await engine.confirm(*orders, chain=chain)
    for order in orders:
        assert statuses(await engine.history(order)) == CONFIRMED_ON_FIRST_ATTEMPT


async def test_a_hanging_status_queue_does_not_block_orders(engine: Engine) -> None:
    class HangingQueue:
        async def publish(self, events: Sequence[OrderEvent]) -> None:
            await asyncio.Event().wait()

    (order,) = await engine.place()
    engine.journal = Journal(engine.database, HangingQueue(), watchdog=WATCHDOG)
    assert await engine.execute(order, chain=ScriptedChain()) == {order.id}
    assert [ids for ids, _ in engine.recorder.handed_over] == [[order.id]]
    await engine.confirm(order, chain=ScriptedChain(**{str(order.id): Fill(order.amount_in, order.amount_in)}))
    assert (await engine.history(order)).order.status is Status.CONFIRMED


async def test_the_last_step_is_published_even_when_the_status_queue_is_slow(engine: Engine) -> None:
    class SlowQueue:
        def __init__(self) -> None:
            self.published: list[str] = []

        async def publish(self, events: Sequence[OrderEvent]) -> None:
            await asyncio.sleep(1.2)  # longer than the hand-over waits for publication
            self.published += [event.status for event in events]

    (order,) = await in_flight(engine, 1)
    queue = SlowQueue()
    engine.journal = Journal(engine.database, queue, watchdog=WATCHDOG)
    await engine.confirm(order, chain=ScriptedChain(**{str(order.id): Fill(order.amount_in, order.amount_in)}))
    assert queue.published == [Status.CONFIRMED]


async def test_orders_that_the_orders_queue_does_not_accept_are_checked_again(engine: Engine) -> None:
    reverted, unlanded = await in_flight(engine, 2)
    chain = ScriptedChain(**{str(reverted.id): Unfilled(TransactionReverted())})

    class RefusingQueue(Recorder):
        async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> list[UUID]:
            return []

    await engine.confirm(reverted, unlanded, chain=chain, queue=RefusingQueue())
    ((ids, _),) = engine.recorder.handed_over
    assert set(ids) == {reverted.id, unlanded.id}


async def test_retries_that_are_requeued_share_requests(engine: Engine) -> None:
    """An earlier confirmer crashed between recording and queueing them; each has a different delay left."""
    orders = await in_flight(engine, 20)
    chain = ScriptedChain(**{str(order.id): Unfilled(TransactionReverted()) for order in orders})
    await engine.confirm(*orders, chain=chain)
    delays: list[timedelta] = []

    class CountingQueue(Recorder):
        async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> list[UUID]:
            delays.append(delay)
            return list(order_ids)

    await engine.confirm(*orders, chain=chain, queue=CountingQueue())
    assert len(delays) <= 2
    assert all(delay == timedelta(seconds=delay.seconds) for delay in delays)
