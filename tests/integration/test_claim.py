"""What a claim decides, and that it decides under the row's lock. Races are forced with locks that others hold."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from order_engine.domain.claims import Claim, Decision
from order_engine.domain.lifecycle import TERMINAL, Status
from order_engine.domain.orders import Order
from tests.engine import LIMITS, Engine
from tests.integration.conftest import Play
from tests.integration.test_execute import Away, code_of, die_after_recording, statuses


@asynccontextmanager
async def held(engine: Engine, order: Order, write: LiteralString = "SELECT 1") -> AsyncIterator[None]:
    """Another transaction holds the order's row and has written to it; it commits at the end."""
    async with await psycopg.AsyncConnection.connect(engine.url) as other:
        await other.execute("SELECT FROM orders WHERE id = %s FOR NO KEY UPDATE", (order.id,))
        await other.execute(write, {"id": order.id} if "%(id)s" in write else None)
        yield


async def waiting_for_lock(engine: Engine) -> None:
    """Until a statement waits for a lock."""
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while not await asyncio.to_thread(engine.sql, waiting):
        await asyncio.sleep(0.005)


def only(claims: list[Claim]) -> Claim:
    (claim,) = claims
    return claim


async def unclaimed(engine: Engine, order: Order) -> None:
    """Leave it as it was placed."""


async def claimed(engine: Engine, order: Order) -> None:
    await engine.claim(order)


async def in_backoff(engine: Engine, order: Order) -> None:
    await engine.execute(order, venues=[Away()])


async def signed(engine: Engine, order: Order) -> None:
    await die_after_recording(engine, order, sent=False)


async def exhausted(engine: Engine, order: Order) -> None:
    for _ in range(engine.retries.max_attempts):
        await engine.claim(order)
        engine.expire_lease(order)


async def overdue(engine: Engine, order: Order) -> None:
    engine.expire(order)


async def finished(engine: Engine, order: Order) -> None:
    await engine.execute(order)


async def of_another_release(engine: Engine, order: Order) -> None:
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
        (of_another_release, Decision.UNSUPPORTED),
    ],
)
def test_a_claim_says_what_it_decided_and_why(play: Play, prepare: Callable[..., Any], decision: Decision) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await prepare(engine, order)
        (before,) = engine.sql("SELECT * FROM orders WHERE id = %s", order.id)
        assert only(await engine.orders.examine([order.id], max_attempts=3)).decision == (
            Decision.CLAIMABLE if decision is Decision.CLAIMED else decision
        )
        assert engine.sql("SELECT * FROM orders WHERE id = %s", order.id) == [before], "looking changes nothing"
        claim = only(await engine.claim(order))
        assert claim.decision is decision
        (after,) = engine.sql("SELECT * FROM orders WHERE id = %s", order.id)
        assert (after != before) == (decision is Decision.CLAIMED), "what was not claimed was not touched"
        if claim.order:
            assert (claim.order.attempt, claim.order.sequence) == (after["attempt"], after["sequence"])
        assert (claim.back_in is not None) == (decision in (Decision.LEASED, Decision.NOT_YET))

    play(scenario)


def test_back_in_is_the_time_until_the_lease_or_the_backoff_ends(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        leased, retried = await engine.place(2)
        await engine.claim(leased)
        await engine.execute(retried, venues=[Away()])
        claims = {claim.order_id: claim.back_in for claim in await engine.claim(leased, retried)}
        assert LIMITS.lease - timedelta(seconds=15) < (claims[leased.id] or timedelta()) <= LIMITS.lease
        assert timedelta() < (claims[retried.id] or timedelta()) <= engine.recorder.postponed[retried.id]

    play(scenario)


def test_a_claim_that_waited_sees_what_the_owner_committed_meanwhile(play: Play, database_url: str) -> None:
    """The claim's snapshot is older than the owner's commit: the order is in its backoff, not out of attempts."""

    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.claim(order)
        engine.expire_lease(order)
        other = Engine(database_url)
        retry: LiteralString = (
            "UPDATE orders SET status = 'pending', sequence = sequence + 1, lease_until = NULL,"
            " not_before = now() + interval '5 s' WHERE id = %(id)s"
        )
        async with held(engine, order, retry):
            claim = asyncio.create_task(other.claim(order))
            await waiting_for_lock(engine)
        assert only(await claim).decision is Decision.NOT_YET
        await other.database.close()

    play(scenario)


def test_orders_behind_a_locked_one_are_decided_as_they_stand_when_it_is_their_turn(
    play: Play, database_url: str
) -> None:
    """The claim waits for the first order's row; meanwhile the second one's owner ends its last attempt."""

    async def scenario(engine: Engine) -> None:
        first, second = await engine.place(2)
        assert first.id < second.id
        for _ in range(2):
            await engine.claim(second)
            engine.expire_lease(second)
        owner = asyncio.Event()

        class AfterTheGate(Away):
            async def quote(self, swap: Any) -> Any:
                await owner.wait()
                return await super().quote(swap)

        last = asyncio.create_task(engine.execute(second, venues=[AfterTheGate()]))
        while (await engine.history(second)).order.attempt < 3:
            await asyncio.sleep(0.005)
        other = Engine(database_url)
        async with held(engine, first):
            claims = asyncio.create_task(other.claim(first, second))
            await waiting_for_lock(engine)
            owner.set()
            assert await last == {second.id}
        decisions = {claim.order_id: claim.decision for claim in await claims}
        assert decisions == {first.id: Decision.CLAIMED, second.id: Decision.FINISHED}
        assert code_of(await engine.history(second)) == "no_quote", "the attempt's own reason, not exhaustion"
        await other.database.close()

    play(scenario)


def test_a_lease_counts_from_when_the_lock_was_given(play: Play, database_url: str) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        other = Engine(database_url)
        async with held(engine, order):
            claim = asyncio.create_task(other.claim(order))
            await waiting_for_lock(engine)
            (held_at,) = engine.sql("SELECT clock_timestamp() AS at")
        await claim
        (row,) = engine.sql("SELECT lease_until, updated_at FROM orders")
        assert row["updated_at"] > held_at["at"]
        assert row["lease_until"] == row["updated_at"] + LIMITS.lease
        await other.database.close()

    play(scenario)


def test_six_workers_claim_the_same_orders_and_each_order_goes_to_one(play: Play, database_url: str) -> None:
    async def scenario(engine: Engine) -> None:
        orders = await engine.place(20)
        await engine.claim(*orders)
        for order in orders:
            engine.expire_lease(order)
        workers = [Engine(database_url) for _ in range(6)]
        async with held(engine, orders[0]):  # all of them stand at the first row when it is let go
            claims = [asyncio.create_task(worker.claim(*orders)) for worker in workers]
            await waiting_for_lock(engine)
        decisions = [claim.decision for decided in await asyncio.gather(*claims) for claim in decided]
        assert decisions.count(Decision.CLAIMED) == 20
        assert decisions.count(Decision.LEASED) == 100
        for order in orders:
            assert statuses(await engine.history(order)) == ["pending", "routing", "routing"]
        for worker in workers:
            await worker.database.close()

    play(scenario)


def test_no_attempt_begins_before_its_time_however_often_the_message_comes(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        for _ in range(4):
            await engine.execute(order, venues=[Away()])
        history = await engine.history(order)
        assert statuses(history) == ["pending", "routing", "pending"]
        assert timedelta() < engine.recorder.postponed[order.id] <= timedelta(seconds=2)
        engine.end_backoff(order)
        await engine.execute(order)
        assert (await engine.history(order)).order.status is Status.CONFIRMED

    play(scenario)


def test_one_unreadable_row_costs_the_others_nothing(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        orders = await engine.place(10)
        engine.sql("UPDATE orders SET type = 'iceberg' WHERE id = %s RETURNING id", orders[0].id)
        engine.sql("UPDATE orders SET details = '{\"route\": 7}' WHERE id = %s RETURNING id", orders[1].id)
        readable = orders[2:]
        # The second is claimed, which empties its details; its events, which are read too, stay as they are.
        assert await engine.execute(*orders) >= {order.id for order in readable}
        for order in readable:
            assert (await engine.history(order)).order.attempt == 1
        (left,) = engine.sql("SELECT status, attempt FROM orders WHERE type = 'iceberg'")
        assert left == {"status": "pending", "attempt": 0}
        assert engine.recorder.postponed[orders[0].id] == LIMITS.lease

    play(scenario)


def test_a_token_that_this_release_does_not_know_costs_only_its_own_order(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        strange, *others = await engine.place(3)
        engine.sql("UPDATE orders SET token_in = 'WIF' WHERE id = %s RETURNING id", strange.id)
        assert await engine.execute(strange, *others) == {order.id for order in others}
        assert engine.recorder.postponed[strange.id] == LIMITS.lease

    play(scenario)


def test_a_deadlock_with_another_claim_is_survived(play: Play, database_url: str) -> None:
    """Somebody else locks rows in the wrong order: one of the two is rolled back by Postgres, and the claim goes on."""

    async def scenario(engine: Engine) -> None:
        first, second = await engine.place(2)
        worker = Engine(database_url)
        async with await psycopg.AsyncConnection.connect(database_url) as other:
            await other.execute("SET deadlock_timeout = '1h'")  # so that it is the claim that Postgres ends
            await other.execute("SELECT FROM orders WHERE id = %s FOR NO KEY UPDATE", (second.id,))
            async with held(engine, first):
                claim = asyncio.create_task(worker.claim(first, second))
                await waiting_for_lock(engine)
            # The claim has the first row now and waits for the second; the other one asks for the first.
            await other.execute("SELECT FROM orders WHERE id = %s FOR NO KEY UPDATE", (first.id,))
        assert {claim.decision for claim in await claim} == {Decision.CLAIMED}
        await worker.database.close()

    play(scenario)


def test_every_terminal_status_is_finished_and_no_other(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        for status in TERMINAL - {Status.CONFIRMED}:
            (order,) = await engine.place()
            engine.sql(
                "UPDATE orders SET status = %s, finished_at = now(), watchdog_at = NULL WHERE id = %s RETURNING id",
                status,
                order.id,
            )
            assert only(await engine.claim(order)).decision is Decision.FINISHED

    play(scenario)
