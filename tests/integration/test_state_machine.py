"""Random interleavings of workers, confirmers, the dead-letter function and the sweeper on a real Postgres.

A worker is simulated step by step, each with the order as the worker last saw it: between two steps, its lease may
expire and other workers may take over. Every step is a real write, and the SQL must reject invalid ones.
"""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from order_engine.domain.claims import Decision
from order_engine.domain.errors import Fenced
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order
from order_engine.domain.routes import choose
from order_engine.domain.transactions import Fill, InFlight
from order_engine.domain.transitions import building, confirmed, failed, retried, submitted
from order_engine.use_cases.settle import RetryPolicy
from order_engine.use_cases.sweep import sweep
from testing.engine import LIMITS, RETRIES, WATCHDOG, Engine
from testing.faults.invariants import FINISHED, Policy, check
from testing.postgres import TestServer

pytestmark = pytest.mark.reliability

# Leases, backoffs and expiry times are changed by the rules here; other tests check that they are respected.
_MOVED_TIMES = {
    "expired means past the expiry, or no time for another attempt",
    "no attempt before the end of its backoff",
    "nothing is signed after its order's expiry",
    "nothing lands after its order's expiry",
    "no open order's watchdog is later than its state allows",
}

AN_HOUR = timedelta(hours=1)


class Workers(RuleBasedStateMachine):
    """`attempts` are the workers in the middle of an attempt: each is the order as its worker last saw it."""

    server: ClassVar[TestServer]
    orders = Bundle("orders")
    attempts = Bundle("attempts")

    @initialize(target=orders)
    def begin(self) -> Any:
        self.copy = self.server.fresh_copy()
        self.runner = asyncio.Runner()
        self.engine = self.runner.run(self._engine(self.copy.__enter__()))
        return multiple(*self.runner.run(self.engine.place(2, expires_at=datetime.now(UTC) + timedelta(days=30))))

    @rule(target=attempts, order=orders, lease_is_over=st.booleans(), backoff_is_over=st.booleans())
    def claim(self, order: Order, lease_is_over: bool, backoff_is_over: bool) -> Any:
        """The message is delivered: at first, twice at once, during the backoff, or again after the lease expired."""
        if lease_is_over:
            self.engine.expire_lease(order)
        if backoff_is_over:
            self.engine.end_backoff(order)
        (claim,) = self.runner.run(self.engine.claim(order))
        return multiple(claim.order) if claim.decision is Decision.CLAIMED else multiple()

    @rule(target=attempts, order=consumes(attempts), valid_for=st.sampled_from([-1, 3600]))
    def continue_attempt(self, order: Order, valid_for: int) -> Any:
        """A worker takes its next step, possibly long after it lost its lease."""
        return self._unless_fenced(self._step(order, timedelta(seconds=valid_for)))

    @rule(order=attempts)
    def send(self, order: Order) -> None:
        """A transaction that the worker sent arrives, now or much later."""
        if order.transaction:
            self.runner.run(self.engine.chain.send([order.transaction]))

    @rule(order=consumes(attempts))
    def crash(self, order: Order) -> None:
        """A worker crashes in the middle of its attempt."""

    @rule(order=orders)
    def settle_dead_letter(self, order: Order) -> None:
        self.engine.expire_lease(order)
        self.runner.run(self.engine.dead_letters().settle([order.id], timedelta(seconds=20)))

    @rule(order=orders)
    def expire(self, order: Order) -> None:
        """The order expires, possibly during an attempt."""
        self.engine.expire(order)

    @rule()
    def sweep(self) -> None:
        self.engine.sql("UPDATE orders SET watchdog_at = now() WHERE watchdog_at IS NOT NULL RETURNING id")
        self.runner.run(sweep(self.engine.orders, self.engine.recorder, WATCHDOG))

    @rule(order=orders)
    def confirm(self, order: Order) -> None:
        """A real confirmer receives the message: at first, as a duplicate, or when the order is no longer in flight."""
        self.runner.run(self.engine.confirm(order))

    @rule(order=orders)
    def execute_whole(self, order: Order) -> None:
        """A real worker receives the message."""
        self.runner.run(self.engine.execute(order))

    @invariant()
    def invariants_hold(self) -> None:
        self._check({FINISHED})

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        try:
            for _ in range(4):  # in the end, every open order's message is redelivered
                for row in self.engine.sql("SELECT id FROM orders WHERE finished_at IS NULL"):
                    self.engine.sql(
                        "UPDATE orders SET lease_until = NULL, not_before = NULL WHERE id = %s RETURNING id", row["id"]
                    )
                    self.runner.run(self._execute_row(row["id"]))
            self._check(set())
        finally:
            self.runner.run(self.engine.database.close())
            self.runner.close()
            self.copy.__exit__(None, None, None)

    def _check(self, excepted: set[str]) -> None:
        report = check(self.engine.url, Policy.of({}))
        excepted |= _MOVED_TIMES
        breaches = {rule: orders for rule, orders in report.breaches.items() if orders and rule not in excepted}
        assert not breaches, f"\n{report}"

    async def _engine(self, url: str) -> Engine:
        # Nothing times out, even on a slow machine: the state must depend only on the rules executed so far.
        retries = RetryPolicy(max_attempts=RETRIES.max_attempts, backoff=AN_HOUR)
        limits = replace(LIMITS, lease=AN_HOUR, venue=AN_HOUR, transaction_validity=AN_HOUR)
        return Engine(url, failure_rate=0.2, retries=retries, limits=limits)

    async def _execute_row(self, order_id: Any) -> None:
        time_limit = timedelta(seconds=20)
        await self.engine.executor().execute([order_id], time_limit, self.engine.recorder.postpone)
        await self.engine.confirmer().confirm([order_id], time_limit)

    def _unless_fenced(self, step: Any) -> Any:
        try:
            order = self.runner.run(step)
        except Fenced:
            return multiple()
        return multiple() if order.terminal or order.status is Status.PENDING else order

    async def _step(self, order: Order, valid_for: timedelta) -> Order:
        engine, venue = self.engine, self.engine.venues[0]
        route = choose([venue.quote_at(order.swap, time.time())], {})
        valid_until = datetime.now(UTC) + valid_for
        match order.status:
            case Status.ROUTING:
                return await engine.journal.record(building(order, route))
            case Status.BUILDING:
                return await engine.journal.record(
                    submitted(order, await venue.build(order, route.best, Decimal(1), valid_until))
                )
            case _:
                assert order.transaction
                await engine.chain.send([order.transaction])
                (status,) = await engine.chain.statuses([order.transaction])
                if isinstance(status, Fill):
                    return await engine.journal.record(confirmed(order, status))
                if isinstance(status, InFlight):
                    return order
                end = failed(order, status.error) if order.attempt >= 3 else retried(order, status.error, timedelta())
                return await engine.journal.record(end)


def test_invariants_hold_in_random_interleavings(postgres_server: TestServer) -> None:
    Workers.server = postgres_server
    run_state_machine_as_test(
        Workers,
        settings=settings(
            max_examples=40,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # shrinking a failure takes minutes, and the report has the whole history
            suppress_health_check=list(HealthCheck),
        ),
    )
