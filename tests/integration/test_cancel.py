"""Cancellations: one guarded write decides whether the cancellation or the fill wins."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, LiteralString
from uuid import uuid4

import pytest

from order_engine.domain.errors import AlreadyFinished, AlreadySubmitted, OrderNotFound, TransactionReverted
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order
from order_engine.domain.routes import Quote, Swap
from order_engine.domain.transactions import Transaction, TransactionStatus, Unfilled
from order_engine.domain.triggers import OrderType
from order_engine.use_cases.sweep import sweep
from testing import bulk
from testing.engine import WATCHDOG, Engine
from tests.integration.conftest import NewEngine
from tests.integration.doubles import HangingVenue, ScriptedChain, UnavailableVenue
from tests.integration.helpers import crash_after_recording, held, statuses, waiting_for_lock

Prepare = Callable[[Engine, Order], Awaitable[None]]


async def resting(engine: Engine, order: Order) -> None:
    engine.sql(
        "UPDATE orders SET type = 'limit', trigger_price = 1000, status = 'resting' WHERE id = %s RETURNING id",
        order.id,
    )


async def pending(engine: Engine, order: Order) -> None:
    """Leave the order as it was placed."""


async def routing(engine: Engine, order: Order) -> None:
    await engine.claim(order)


async def in_backoff(engine: Engine, order: Order) -> None:
    await engine.execute(order, venues=[UnavailableVenue()])


async def submitted(engine: Engine, order: Order) -> None:
    await engine.execute(order, chain=ScriptedChain())


async def confirmed(engine: Engine, order: Order) -> None:
    await engine.execute(order)


async def expired(engine: Engine, order: Order) -> None:
    engine.expire(order)
    await engine.execute(order)


@pytest.mark.parametrize("prepare", [resting, pending, routing, in_backoff])
async def test_an_order_without_a_transaction_is_cancelled_for_good(engine: Engine, prepare: Prepare) -> None:
    (order,) = await engine.place()
    await prepare(engine, order)
    cancelled = await engine.cancel(order)
    assert cancelled.status is Status.CANCELLED
    assert await engine.cancel(order) == cancelled, "cancelling again changes nothing"
    engine.end_backoff(order)
    await engine.execute(order)
    assert (await engine.history(order)).order == cancelled
    assert not engine.ledger(order)
    assert [event.status for event in engine.recorder.events].count(Status.CANCELLED) >= 1


async def test_a_worker_whose_order_is_cancelled_signs_nothing(engine: Engine) -> None:
    (order,) = await engine.place()
    cancelled = asyncio.Event()

    class SlowVenue(HangingVenue):
        async def quote(self, swap: Swap) -> Quote:
            await cancelled.wait()
            return await engine.venues[0].quote(swap)

    execution = asyncio.create_task(engine.execute(order, venues=[SlowVenue()]))
    while (await engine.history(order)).order.status is not Status.ROUTING:
        await asyncio.sleep(0.01)
    await engine.cancel(order)
    cancelled.set()
    await execution
    assert statuses(await engine.history(order)) == ["pending", "routing", "cancelled"]
    assert engine.recorder.postponed == {order.id: timedelta()}, "the next delivery finds out"
    assert await engine.execute(order) == {order.id}
    assert not engine.ledger(order)


async def test_a_submitted_order_is_not_cancelled_and_may_be_filled(engine: Engine) -> None:
    (order,) = await engine.place()
    await submitted(engine, order)
    with pytest.raises(AlreadySubmitted) as refused:
        await engine.cancel(order)
    assert refused.value.order and refused.value.order.cancel_requested
    with pytest.raises(AlreadySubmitted):
        await engine.cancel(order)
    await engine.settler().send((await engine.history(order)).order)
    history = await engine.history(order)
    assert statuses(history) == ["pending", "routing", "building", "submitted", "submitted", "confirmed"]
    assert [event.facts.cancel_requested for event in history.events[3:5]] == [False, True]
    assert history.events[4].facts.signature == history.events[3].facts.signature


async def test_a_submitted_order_whose_transaction_never_lands_ends_cancelled(engine: Engine) -> None:
    (order,) = await engine.place()
    await submitted(engine, order)
    with pytest.raises(AlreadySubmitted):
        await engine.cancel(order)
    await engine.confirm(order, chain=ScriptedChain(**{str(order.id): Unfilled(TransactionReverted())}))
    history = await engine.history(order)
    assert statuses(history)[-2:] == ["submitted", "cancelled"]
    assert history.order.facts.failure and history.order.facts.failure.code == "transaction_reverted"
    assert not engine.recorder.sent, "no further attempt follows"


async def test_a_confirmer_that_read_the_order_before_the_request_starts_no_further_attempt(engine: Engine) -> None:
    (order,) = await engine.place()
    await submitted(engine, order)
    looking, cancelled = asyncio.Event(), asyncio.Event()

    class SlowChain(ScriptedChain):
        async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
            looking.set()
            await cancelled.wait()
            return [Unfilled(TransactionReverted()) for _ in transactions]

    chain = SlowChain()
    confirming = asyncio.create_task(engine.confirm(order, chain=chain))
    await looking.wait()
    with pytest.raises(AlreadySubmitted):
        await engine.cancel(order)
    cancelled.set()
    await confirming
    assert engine.recorder.handed_over[-1][0] == [order.id], "the confirmer checks again"
    await engine.confirm(order, chain=chain)
    assert (await engine.history(order)).order.status is Status.CANCELLED
    assert not engine.recorder.sent


@pytest.mark.parametrize("prepare", [confirmed, expired])
async def test_a_finished_order_is_not_cancelled(engine: Engine, prepare: Prepare) -> None:
    (order,) = await engine.place()
    await prepare(engine, order)
    before = await engine.history(order)
    with pytest.raises(AlreadyFinished) as refused:
        await engine.cancel(order)
    assert refused.value.order == before.order
    assert await engine.history(order) == before


async def test_another_accounts_order_does_not_exist(engine: Engine) -> None:
    (order,) = await engine.place(account="bob")
    for order_id in (order.id, uuid4()):
        with pytest.raises(OrderNotFound):
            await engine.canceller().cancel("alice", order_id)
    assert (await engine.history(order)).order == order


async def test_a_cancellation_waits_for_a_claim_and_then_wins(engine: Engine, new_engine: NewEngine) -> None:
    (order,) = await engine.place()
    claim: LiteralString = (
        "UPDATE orders SET status = 'routing', attempt = 1, sequence = 2, lease_until = now() + '12s' WHERE id = %(id)s"
    )
    async with held(engine, order, claim):
        cancelling = asyncio.create_task(new_engine().cancel(order))
        await waiting_for_lock(engine)
    assert (await cancelling).sequence == 3


async def test_a_cancellation_waits_for_a_signature_and_then_loses(engine: Engine, new_engine: NewEngine) -> None:
    (order,) = await engine.place()
    await engine.claim(order)
    sign: LiteralString = (
        "UPDATE orders SET status = 'submitted', sequence = 3, lease_until = NULL, transaction = json_build_object("
        "'signature', 's', 'order_id', id, 'venue', 'raydium', 'token_in', token_in, 'token_out', token_out,"
        "'amount_in', '1', 'min_amount_out', '1', 'valid_until', now()) WHERE id = %(id)s"
    )
    async with held(engine, order, sign):
        cancelling = asyncio.create_task(new_engine().cancel(order))
        await waiting_for_lock(engine)
    with pytest.raises(AlreadySubmitted):
        await cancelling
    assert (await engine.history(order)).order.status is Status.SUBMITTED


async def test_a_crash_before_sending_still_ends_in_a_cancellation(engine: Engine) -> None:
    (order,) = await engine.place()
    await crash_after_recording(engine, order, sent=False)
    with pytest.raises(AlreadySubmitted):
        await engine.cancel(order)
    engine.outdate_transaction(order)
    await engine.confirm(order)
    assert (await engine.history(order)).order.status is Status.CANCELLED
    assert engine.fills(order) == 0


async def test_all_open_orders_of_the_account_are_cancelled(engine: Engine) -> None:
    waiting, claimed, sent, done = await engine.place(4)
    (foreign,) = await engine.place(account="bob")
    await engine.claim(claimed)
    await submitted(engine, sent)
    await engine.execute(done)
    result = await engine.canceller().cancel_all("alice", timedelta(seconds=5))
    assert result.complete
    assert {each.order.id: each.decision.value for each in result.cancellations} == {
        waiting.id: "cancelled",
        claimed.id: "cancelled",
        sent.id: "in_flight",
    }
    assert (await engine.history(foreign)).order.status is Status.PENDING


async def test_only_orders_of_a_status_and_pair_are_cancelled(engine: Engine) -> None:
    limit: dict[str, Any] = {"type": OrderType.LIMIT, "trigger_price": 1000}
    (sol,) = await engine.place(**limit)
    (jup,) = await engine.place(**limit, token_in="JUP")
    (market,) = await engine.place()
    time_limit = timedelta(seconds=5)
    await engine.canceller().cancel_all("alice", time_limit, statuses={Status.RESTING}, pair=("SOL", None))
    found = {order: (await engine.history(order)).order.status for order in (sol, jup, market)}
    assert list(found.values()) == [Status.CANCELLED, Status.RESTING, Status.PENDING]


async def test_more_orders_than_fit_into_one_statement_are_cancelled(engine: Engine) -> None:
    ids = bulk.place(engine.url, 1_200)
    result = await engine.canceller().cancel_all("demo", timedelta(seconds=30))
    assert result.complete
    assert {each.order.id for each in result.cancellations} == set(ids)


async def test_what_is_left_when_time_is_over_is_said(engine: Engine) -> None:
    bulk.place(engine.url, 10)
    assert not (await engine.canceller().cancel_all("demo", timedelta())).complete
    assert (await engine.canceller().cancel_all("demo", timedelta(seconds=30))).complete


async def test_the_sweeper_leaves_a_cancelled_order_alone(engine: Engine) -> None:
    (order,) = await engine.place()
    await engine.cancel(order)
    assert await sweep(engine.orders, engine.recorder, WATCHDOG) == 0


async def test_a_cancellation_is_published_again_when_it_is_repeated(engine: Engine) -> None:
    """The process that cancelled the order may have died before it published the event."""
    (order,) = await engine.place()
    await engine.orders.cancel(order.account, [order.id])
    assert not engine.recorder.events
    await engine.cancel(order)
    assert [event.status for event in engine.recorder.events] == [Status.CANCELLED]


async def retried_although_cancelled(engine: Engine, order: Order) -> None:
    """As a process of a release that knows no cancellations leaves the order."""
    mark = "UPDATE orders SET cancel_requested_at = now(), attempt = 1 WHERE id = %s RETURNING id"
    engine.sql(mark, order.id)


async def test_an_order_whose_cancellation_was_requested_is_not_attempted_again(engine: Engine) -> None:
    (order,) = await engine.place()
    await retried_although_cancelled(engine, order)
    assert await engine.execute(order) == {order.id}
    history = await engine.history(order)
    assert statuses(history) == ["pending", "cancelled"]
    assert history.order.facts.failure and history.order.facts.failure.code == "order_cancelled"


async def test_such_an_order_is_cancelled_by_a_repeated_request(engine: Engine) -> None:
    (order,) = await engine.place()
    await retried_although_cancelled(engine, order)
    assert (await engine.cancel(order)).status is Status.CANCELLED


async def test_a_dead_letter_of_such_an_order_ends_it(engine: Engine) -> None:
    (order,) = await engine.place()
    await retried_although_cancelled(engine, order)
    await engine.dead_letters().settle([order.id], timedelta(seconds=5))
    assert (await engine.history(order)).order.status is Status.CANCELLED
