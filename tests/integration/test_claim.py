"""The decisions of a claim, made under the row lock. Races are forced by holding locks in other transactions."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from order_engine.domain.claims import Claim, Decision
from order_engine.domain.lifecycle import TERMINAL, Status
from order_engine.domain.orders import Order
from testing.engine import LIMITS, Engine
from tests.integration.conftest import NewEngine
from tests.integration.doubles import UnavailableVenue
from tests.integration.helpers import code_of, crash_after_recording, held, statuses, waiting_for_lock


def only(claims: list[Claim]) -> Claim:
    (claim,) = claims
    return claim


async def unclaimed(engine: Engine, order: Order) -> None:
    """Leave the order as it was placed."""


async def claimed(engine: Engine, order: Order) -> None:
    await engine.claim(order)


async def in_backoff(engine: Engine, order: Order) -> None:
    await engine.execute(order, venues=[UnavailableVenue()])


async def signed(engine: Engine, order: Order) -> None:
    await crash_after_recording(engine, order, sent=False)


async def exhausted(engine: Engine, order: Order) -> None:
    for _ in range(engine.retries.max_attempts):
        await engine.claim(order)
        engine.expire_lease(order)


async def overdue(engine: Engine, order: Order) -> None:
    engine.expire(order)


async def finished(engine: Engine, order: Order) -> None:
    await engine.execute(order)


async def unsupported(engine: Engine, order: Order) -> None:
    engine.sql("UPDATE orders SET type = 'iceberg' WHERE id = %s RETURNING id", order.id)


@pytest.mark.parametrize(
    ("prepare", "decision"),
    [
        (unclaimed, Decision.CLAIMED),
        (claimed, Decision.LEASED),
        (in_backoff, Decision.NOT_YET),
        (signed, Decision.IN_FLIGHT),
        (exhausted, Decision.EXHAUSTED),
        (overdue, Decision.OVERDUE),
        (finished, Decision.FINISHED),
        (unsupported, Decision.UNSUPPORTED),
    ],
)
async def test_a_claim_returns_its_decision_and_changes_only_what_it_claims(
    engine: Engine, prepare: Callable[..., Any], decision: Decision
) -> None:
    (order,) = await engine.place()
    await prepare(engine, order)
    (before,) = engine.sql("SELECT * FROM orders WHERE id = %s", order.id)
    assert only(await engine.orders.examine([order.id], max_attempts=3)).decision == (
        Decision.CLAIMABLE if decision is Decision.CLAIMED else decision
    )
    assert engine.sql("SELECT * FROM orders WHERE id = %s", order.id) == [before], "examining an order changes nothing"
    claim = only(await engine.claim(order))
    assert claim.decision is decision
    (after,) = engine.sql("SELECT * FROM orders WHERE id = %s", order.id)
    assert (after != before) == (decision is Decision.CLAIMED), "only a claimed order is changed"
    if claim.order:
        assert (claim.order.attempt, claim.order.sequence) == (after["attempt"], after["sequence"])
    assert (claim.back_in is not None) == (decision in (Decision.LEASED, Decision.NOT_YET))


async def test_back_in_is_the_time_until_the_lease_or_the_backoff_ends(engine: Engine) -> None:
    leased, retried = await engine.place(2)
    await engine.claim(leased)
    await engine.execute(retried, venues=[UnavailableVenue()])
    claims = {claim.order_id: claim.back_in for claim in await engine.claim(leased, retried)}
    assert LIMITS.lease - timedelta(seconds=15) < (claims[leased.id] or timedelta()) <= LIMITS.lease
    assert timedelta() < (claims[retried.id] or timedelta()) <= engine.recorder.postponed[retried.id]


async def test_a_claim_that_waited_for_the_lock_sees_what_was_committed_meanwhile(
    engine: Engine, new_engine: NewEngine
) -> None:
    """The claim's snapshot is older than the commit, after which the order is in its backoff."""
    (order,) = await engine.place()
    await engine.claim(order)
    engine.expire_lease(order)
    other = new_engine()
    retry: LiteralString = (
        "UPDATE orders SET status = 'pending', sequence = sequence + 1, lease_until = NULL,"
        " not_before = now() + interval '5 s' WHERE id = %(id)s"
    )
    async with held(engine, order, retry):
        claim = asyncio.create_task(other.claim(order))
        await waiting_for_lock(engine)
    assert only(await claim).decision is Decision.NOT_YET


async def test_a_claim_that_waits_for_one_order_sees_the_current_state_of_the_next(
    engine: Engine, new_engine: NewEngine
) -> None:
    """While the claim waits for the first order's row lock, another worker ends the second order's last attempt."""
    first, second = await engine.place(2)
    assert first.id < second.id
    for _ in range(2):
        await engine.claim(second)
        engine.expire_lease(second)
    resume = asyncio.Event()

    class PausedVenue(UnavailableVenue):
        async def quote(self, swap: Any) -> Any:
            await resume.wait()
            return await super().quote(swap)

    last = asyncio.create_task(engine.execute(second, venues=[PausedVenue()]))
    while (await engine.history(second)).order.attempt < 3:
        await asyncio.sleep(0.005)
    other = new_engine()
    async with held(engine, first):
        claims = asyncio.create_task(other.claim(first, second))
        await waiting_for_lock(engine)
        resume.set()
        assert await last == {second.id}
    decisions = {claim.order_id: claim.decision for claim in await claims}
    assert decisions == {first.id: Decision.CLAIMED, second.id: Decision.FINISHED}
    assert code_of(await engine.history(second)) == "no_quote", "the last attempt's own error, not attempts_exhausted"


async def test_a_lease_starts_when_the_row_lock_is_acquired(engine: Engine, new_engine: NewEngine) -> None:
    (order,) = await engine.place()
    other = new_engine()
    async with held(engine, order):
        claim = asyncio.create_task(other.claim(order))
        await waiting_for_lock(engine)
        (held_at,) = engine.sql("SELECT clock_timestamp() AS at")
    await claim
    (row,) = engine.sql("SELECT lease_until, updated_at FROM orders")
    assert row["updated_at"] > held_at["at"]
    assert row["lease_until"] == row["updated_at"] + LIMITS.lease


async def test_each_order_is_claimed_by_only_one_of_six_concurrent_workers(
    engine: Engine, new_engine: NewEngine
) -> None:
    orders = await engine.place(20)
    await engine.claim(*orders)
    for order in orders:
        engine.expire_lease(order)
    workers = [new_engine() for _ in range(6)]
    async with held(engine, orders[0]):  # all of them wait for the first row's lock
        claims = [asyncio.create_task(worker.claim(*orders)) for worker in workers]
        await waiting_for_lock(engine)
    decisions = [claim.decision for decided in await asyncio.gather(*claims) for claim in decided]
    assert decisions.count(Decision.CLAIMED) == 20
    assert decisions.count(Decision.LEASED) == 100
    for order in orders:
        assert statuses(await engine.history(order)) == ["pending", "routing", "routing"]


async def test_redelivery_during_the_backoff_does_not_start_another_attempt(engine: Engine) -> None:
    (order,) = await engine.place()
    for _ in range(4):
        await engine.execute(order, venues=[UnavailableVenue()])
    history = await engine.history(order)
    assert statuses(history) == ["pending", "routing", "pending"]
    assert timedelta() < engine.recorder.postponed[order.id] <= timedelta(seconds=2)
    engine.end_backoff(order)
    await engine.execute(order)
    assert (await engine.history(order)).order.status is Status.CONFIRMED


async def test_unreadable_rows_do_not_affect_the_other_orders(engine: Engine) -> None:
    orders = await engine.place(10)
    engine.sql("UPDATE orders SET type = 'iceberg' WHERE id = %s RETURNING id", orders[0].id)
    engine.sql("UPDATE orders SET details = '{\"route\": 7}' WHERE id = %s RETURNING id", orders[1].id)
    readable = orders[2:]
    # The second order is claimed, which clears its details; its events are read as well, and are not changed.
    assert await engine.execute(*orders) >= {order.id for order in readable}
    for order in readable:
        assert (await engine.history(order)).order.attempt == 1
    (left,) = engine.sql("SELECT status, attempt FROM orders WHERE type = 'iceberg'")
    assert left == {"status": "pending", "attempt": 0}
    assert engine.recorder.postponed[orders[0].id] == LIMITS.lease


async def test_an_order_in_an_unknown_token_does_not_affect_the_other_orders(engine: Engine) -> None:
    unknown, *others = await engine.place(3)
    engine.sql("UPDATE orders SET token_in = 'WIF' WHERE id = %s RETURNING id", unknown.id)
    assert await engine.execute(unknown, *others) == {order.id for order in others}
    assert engine.recorder.postponed[unknown.id] == LIMITS.lease


async def test_a_claim_is_retried_after_a_deadlock(engine: Engine, new_engine: NewEngine) -> None:
    """The other transaction locks the rows in the opposite order; Postgres rolls back the claim's statement."""
    first, second = await engine.place(2)
    worker = new_engine()
    async with await psycopg.AsyncConnection.connect(engine.url) as other:
        await other.execute("SET deadlock_timeout = '1h'")  # so that Postgres aborts the claim
        await other.execute("SELECT FROM orders WHERE id = %s FOR NO KEY UPDATE", (second.id,))
        async with held(engine, first):
            claim = asyncio.create_task(worker.claim(first, second))
            await waiting_for_lock(engine)
        # The claim now holds the first row's lock and waits for the second; the other transaction requests the first.
        await other.execute("SELECT FROM orders WHERE id = %s FOR NO KEY UPDATE", (first.id,))
    assert {claim.decision for claim in await claim} == {Decision.CLAIMED}


async def test_an_order_with_a_terminal_status_is_finished(engine: Engine) -> None:
    for status in TERMINAL - {Status.CONFIRMED}:
        (order,) = await engine.place()
        engine.sql(
            "UPDATE orders SET status = %s, finished_at = now(), watchdog_at = NULL WHERE id = %s RETURNING id",
            status,
            order.id,
        )
        assert only(await engine.claim(order)).decision is Decision.FINISHED
