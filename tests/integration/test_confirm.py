"""The confirmer: what is in flight is settled, hundreds with one look, and nobody settles an order twice."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from order_engine.adapters.postgres.journal import Journal
from order_engine.domain.errors import DatabaseUnavailable, QueueUnavailable, TransactionReverted, VenueUnavailable
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order, OrderEvent
from order_engine.domain.transactions import Fill, InFlight, Transaction, TransactionStatus, Unfilled
from tests.engine import INTERVAL, WATCHDOG, Engine, Recorder
from tests.integration.conftest import Play
from tests.integration.test_execute import CONFIRMED_AT_ONCE, Silent, code_of, die_after_recording, statuses


class Told:
    """A chain that says what it is told to, and counts its calls."""

    def __init__(self, **statuses: TransactionStatus) -> None:
        self.known = statuses
        self.sent: list[list[str]] = []
        self.asked: list[list[str]] = []

    async def send(self, transactions: Sequence[Transaction]) -> None:
        self.sent.append([transaction.order_id for transaction in transactions])

    async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
        self.asked.append([transaction.order_id for transaction in transactions])
        return [self.known.get(transaction.order_id, InFlight.IN_FLIGHT) for transaction in transactions]


async def in_flight(engine: Engine, count: int) -> list[Order]:
    """Orders whose transactions are sent, and whose workers are gone."""
    orders = await engine.place(count)
    for order in orders:
        await die_after_recording(engine, order, sent=False)
    return orders


def test_hundreds_are_settled_with_one_look_and_one_commit(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        orders = await in_flight(engine, 300)
        chain = Told(**{str(order.id): Fill(order.amount_in, order.amount_in) for order in orders})
        await engine.confirm(*orders, chain=chain)
        assert len(chain.asked) == 1
        assert not chain.sent
        steps = "SELECT count(*), count(DISTINCT xmin::text) AS commits FROM order_events WHERE status = 'confirmed'"
        assert engine.sql(steps) == [{"count": 300, "commits": 1}]
        assert not engine.recorder.handed_over

    play(scenario)


def test_what_is_still_in_flight_is_sent_again_and_looked_at_after_the_interval(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        landed, flying, other = await in_flight(engine, 3)
        chain = Told(**{str(landed.id): Fill(landed.amount_in, landed.amount_in)})
        await engine.confirm(landed, flying, other, chain=chain)
        assert [sorted(batch) for batch in chain.sent] == [sorted([str(flying.id), str(other.id)])]
        ((ids, delay),) = engine.recorder.handed_over
        assert (set(ids), delay) == ({flying.id, other.id}, INTERVAL)
        assert (await engine.history(landed)).order.status is Status.CONFIRMED
        assert (await engine.history(flying)).order.status is Status.SUBMITTED

    play(scenario)


def test_what_failed_goes_back_to_the_workers_after_its_backoff(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await in_flight(engine, 1)
        await engine.confirm(order, chain=Told(**{str(order.id): Unfilled(TransactionReverted())}))
        history = await engine.history(order)
        assert statuses(history)[-2:] == ["submitted", "pending"]
        assert engine.recorder.delays == {order.id: history.order.facts.retry_in}
        assert history.order.transaction is None

    play(scenario)


def test_the_last_attempts_failure_is_the_orders(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await in_flight(engine, 1)
        engine.sql("UPDATE orders SET attempt = 3 WHERE id = %s RETURNING id", order.id)
        await engine.confirm(order, chain=Told(**{str(order.id): Unfilled(TransactionReverted())}))
        assert code_of(await engine.history(order)) == "transaction_reverted"
        assert not engine.recorder.sent

    play(scenario)


def test_while_the_chain_is_silent_orders_stay_in_flight_and_are_looked_at_again(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        orders = await in_flight(engine, 2)
        await engine.confirm(*orders, chain=Silent())
        ((ids, _),) = engine.recorder.handed_over
        assert set(ids) == {order.id for order in orders}

    play(scenario)


@pytest.mark.parametrize("fault", [VenueUnavailable, ZeroDivisionError])
def test_a_chain_that_hangs_or_breaks_is_given_up_in_time(play: Play, fault: type[Exception]) -> None:
    class Broken(Told):
        async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
            if fault is VenueUnavailable:
                await asyncio.Event().wait()
            raise fault

    async def scenario(engine: Engine) -> None:
        (order,) = await in_flight(engine, 1)
        await engine.confirm(order, chain=Broken(), chain_limit=timedelta(seconds=0.1))
        assert engine.recorder.handed_over == [([order.id], INTERVAL)]

    play(scenario)


def test_two_confirmers_of_one_order_record_its_end_once(play: Play, database_url: str) -> None:
    async def scenario(engine: Engine) -> None:
        orders = await in_flight(engine, 20)
        others = [Engine(database_url) for _ in range(3)]
        chain = Told(**{str(order.id): Fill(order.amount_in, order.amount_in) for order in orders})
        await asyncio.gather(*(each.confirm(*orders, chain=chain) for each in (engine, *others)))
        for order in orders:
            assert statuses(await engine.history(order)) == CONFIRMED_AT_ONCE
        for other in others:
            await other.database.close()

    play(scenario)


def test_a_repeat_of_a_finished_order_announces_it_again(play: Play) -> None:
    """The confirmer before it may have ended between its commit and its publication."""

    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.execute(order)
        engine.recorder.events.clear()
        await engine.confirm(order)
        assert [str(event.status) for event in engine.recorder.events] == CONFIRMED_AT_ONCE

    play(scenario)


def test_orders_that_moved_on_are_their_workers_and_unknown_ones_are_left_alone(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        waiting, claimed = await engine.place(2)
        await engine.claim(claimed)
        chain = Told()
        await engine.confirmer(chain=chain).confirm([waiting.id, claimed.id, uuid4()], timedelta(seconds=20))
        assert not chain.asked and not chain.sent and not engine.recorder.handed_over
        assert engine.recorder.sent == [waiting.id]

    play(scenario)


def test_without_a_queue_the_message_must_come_back(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await in_flight(engine, 1)
        engine.recorder.down = True
        with pytest.raises(QueueUnavailable):
            await engine.confirm(order, chain=Told())

    play(scenario)


def test_without_a_database_the_message_must_come_back(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await in_flight(engine, 1)
        with pytest.raises(DatabaseUnavailable):
            await Engine("postgresql://nobody@127.0.0.1:1/none").confirm(order)

    play(scenario)


def test_a_confirmer_out_of_time_looks_again_at_what_it_did_not_settle(play: Play) -> None:
    class Slow(Told):
        async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
            await asyncio.Event().wait()
            raise AssertionError

    async def scenario(engine: Engine) -> None:
        (order,) = await in_flight(engine, 1)
        await engine.confirm(order, chain=Slow(), chain_limit=timedelta(minutes=1), time_limit=timedelta(seconds=0.2))
        assert engine.recorder.handed_over == [([order.id], INTERVAL)]

    play(scenario)


def test_a_step_of_which_nothing_is_known_is_looked_at_again(play: Play) -> None:
    class Mute(Journal):
        async def record(self, order: Order) -> Order:
            await super().record(order)
            raise DatabaseUnavailable()

    async def scenario(engine: Engine) -> None:
        orders = await in_flight(engine, 2)
        chain = Told(**{str(order.id): Fill(order.amount_in, order.amount_in) for order in orders})
        await engine.confirm(*orders, chain=chain, journal=Mute(engine.database, engine.recorder, watchdog=WATCHDOG))
        ((ids, delay),) = engine.recorder.handed_over
        assert (set(ids), delay) == ({order.id for order in orders}, INTERVAL)
        await engine.confirm(*orders, chain=chain)
        for order in orders:
            assert statuses(await engine.history(order)) == CONFIRMED_AT_ONCE

    play(scenario)


def test_a_status_queue_that_hangs_holds_no_order_up(play: Play) -> None:
    class Hangs:
        async def publish(self, events: Sequence[OrderEvent]) -> None:
            await asyncio.Event().wait()

    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        engine.journal = Journal(engine.database, Hangs(), watchdog=WATCHDOG)
        assert await engine.execute(order, chain=Told()) == {order.id}
        assert [ids for ids, _ in engine.recorder.handed_over] == [[order.id]]
        await engine.confirm(order, chain=Told(**{str(order.id): Fill(order.amount_in, order.amount_in)}))
        assert (await engine.history(order)).order.status is Status.CONFIRMED

    play(scenario)


def test_a_status_queue_that_is_slow_loses_no_last_step(play: Play) -> None:
    class Slow:
        def __init__(self) -> None:
            self.told: list[str] = []

        async def publish(self, events: Sequence[OrderEvent]) -> None:
            await asyncio.sleep(1.2)  # longer than the hand-over waits
            self.told += [event.status for event in events]

    async def scenario(engine: Engine) -> None:
        (order,) = await in_flight(engine, 1)
        slow = Slow()
        engine.journal = Journal(engine.database, slow, watchdog=WATCHDOG)
        await engine.confirm(order, chain=Told(**{str(order.id): Fill(order.amount_in, order.amount_in)}))
        assert slow.told == [Status.CONFIRMED]

    play(scenario)


def test_what_the_orders_queue_does_not_take_is_looked_at_again_and_not_all_the_message(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        reverted, flying = await in_flight(engine, 2)
        chain = Told(**{str(reverted.id): Unfilled(TransactionReverted())})

        class Away(Recorder):
            async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> list[UUID]:
                return []

        await engine.confirm(reverted, flying, chain=chain, queue=Away())
        ((ids, _),) = engine.recorder.handed_over
        assert set(ids) == {reverted.id, flying.id}

    play(scenario)


def test_retries_that_are_sent_again_share_their_requests(play: Play) -> None:
    """The confirmer before ended between recording and sending them: each comes back at a time of its own."""

    async def scenario(engine: Engine) -> None:
        orders = await in_flight(engine, 20)
        chain = Told(**{str(order.id): Unfilled(TransactionReverted()) for order in orders})
        await engine.confirm(*orders, chain=chain)
        delays: list[timedelta] = []

        class Counting(Recorder):
            async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> list[UUID]:
                delays.append(delay)
                return list(order_ids)

        await engine.confirm(*orders, chain=chain, queue=Counting())
        assert len(delays) <= 2
        assert all(delay == timedelta(seconds=delay.seconds) for delay in delays)

    play(scenario)
