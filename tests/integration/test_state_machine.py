"""Random interleavings of the engine's functions and of clients' requests on a real Postgres.

A worker is simulated step by step, each with the order as the worker last saw it: between two steps, its lease may
expire, other workers may take over, and the order may be cancelled. Every step is a real write, and the SQL must reject
invalid ones.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from order_engine.domain.claims import Decision
from order_engine.domain.errors import AlreadyFinished, AlreadySubmitted, BelowMinAmountOut, Fenced, NotResting
from order_engine.domain.lifecycle import RESTING, Status
from order_engine.domain.orders import Order
from order_engine.domain.routes import choose
from order_engine.domain.transactions import InFlight, Transaction, TransactionStatus
from order_engine.domain.transitions import building, submitted
from order_engine.domain.triggers import OrderType, Replacement
from order_engine.use_cases.settle import RetryPolicy
from order_engine.use_cases.sweep import sweep
from order_engine.venues.mock.chain import MockChain
from testing.engine import ACCOUNT, LIMITS, RETRIES, WATCHDOG, Engine, Prices
from testing.faults.invariants import FINISHED, Policy, check_on
from testing.postgres import TestServer

pytestmark = pytest.mark.reliability

# Leases, backoffs and expiry times are changed by the steps here; other tests check that they are respected.
_MOVED_TIMES = {
    "expired means past the expiry, or no time for another attempt",
    "no attempt before the end of its backoff",
    "nothing is signed after its order's expiry",
    "nothing lands after its order's expiry",
    "no open order's watchdog is later than its state allows",
}

AN_HOUR = timedelta(hours=1)
A_MONTH = timedelta(days=30)
TIME_LIMIT = timedelta(seconds=20)
# The venues pay about 145. A limit order at the high price may be activated, but its price is gone when it is executed.
LOW, HIGH = Decimal(100), Decimal(10**6)
KINDS: list[dict[str, Any]] = [
    {"type": OrderType.LIMIT, "trigger_price": LOW},
    {"type": OrderType.LIMIT, "trigger_price": HIGH},
    {"type": OrderType.STOP, "trigger_price": LOW},
    {"type": OrderType.MARKET},
]
TICKS = [Decimal(1), HIGH]
INTERLEAVINGS, STEPS, ORDERS, WORKERS, PROCESSES = 70, 20, 2, 3, 3
LOCKED_SECONDS = 0.01


@dataclass
class Answers:
    """What clients were told: the last sequence number of cancelled orders, and that of already submitted orders."""

    cancelled: dict[UUID, int] = field(default_factory=dict)
    already_submitted: dict[UUID, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SlowChain:
    """The chain as a worker sees it, which does not wait until its transactions land."""

    chain: MockChain

    async def send(self, transactions: Sequence[Transaction]) -> None:
        await self.chain.send(transactions)

    async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
        return [InFlight.IN_FLIGHT for _ in transactions]


@dataclass
class Process:
    """A process of the engine, which handles messages and requests. Its trigger sees the given prices."""

    engine: Engine
    prices: Prices
    answers: Answers

    async def execute(self, order: Order) -> None:
        await self.engine.execute(order, chain=SlowChain(self.engine.chain))

    async def confirm(self, order: Order) -> None:
        await self.engine.confirm(order)

    async def settle_dead_letter(self, order: Order) -> None:
        await self.engine.dead_letters().settle([order.id], TIME_LIMIT)

    async def tick(self, _: Order) -> None:
        await self.engine.tick(prices=self.prices)

    async def cancel(self, order: Order) -> None:
        try:
            cancelled = await self.engine.cancel(order)
        except AlreadySubmitted as refusal:
            assert order.id not in self.answers.cancelled
            assert refusal.order
            self.answers.already_submitted.setdefault(order.id, refusal.order.sequence)
        except AlreadyFinished:
            assert order.id not in self.answers.cancelled
        else:
            assert self.answers.cancelled.setdefault(order.id, cancelled.sequence) == cancelled.sequence

    async def replace(self, order: Order) -> None:
        """From the low price to the high one or back, and from one token to two or back."""
        found = (await self.engine.history(order)).order
        price = LOW + HIGH - found.trigger_price if found.trigger_price else None
        wanted = Replacement(
            limit_price=price if found.type is OrderType.LIMIT else None,
            stop_price=price if found.type is OrderType.STOP else None,
            amount_in=3 - found.amount_in,
            force=True,
        )
        with suppress(NotResting):
            await self.engine.replacer().replace(order.account, order.id, wanted, TIME_LIMIT)


Handle = Callable[[Process, Order], Coroutine[Any, Any, None]]
HANDLERS: list[Handle] = [
    Process.execute,
    Process.confirm,
    Process.settle_dead_letter,
    Process.tick,
    Process.cancel,
    Process.replace,
]


class Interleaving:
    """Two orders, and up to three workers in the middle of an attempt, each with its order as it last saw it."""

    def __init__(self, url: str, connection: psycopg.Connection[DictRow], seed: int) -> None:
        self.connection = connection
        self.seed, self.random = seed, Random(seed)
        self.answers, self.prices = Answers(), Prices()
        self.orders: list[Order] = []
        self.attempts: list[Order] = []
        self.steps: list[str] = []
        # Nothing times out, even on a slow machine: the state must depend only on the steps so far.
        retries = RetryPolicy(max_attempts=RETRIES.max_attempts, backoff=AN_HOUR)
        limits = replace(LIMITS, lease=AN_HOUR, venue=AN_HOUR, transaction_validity=AN_HOUR)
        engines = [Engine(url, failure_rate=0.2, seed=seed, retries=retries, limits=limits) for _ in range(PROCESSES)]
        self.engine = engines[0]
        self.processes = [Process(engine, self.prices, self.answers) for engine in engines]

    async def run(self) -> None:
        """Take random steps, checking every rule after each; then end every order."""
        try:
            await self._place()
            for _ in range(STEPS):
                await self._step()
                self._check({FINISHED})
            await self._end()
            self._check(set())
        except BaseException as error:
            error.add_note("\n".join([f"seed {self.seed}", *self.steps]))
            raise
        finally:
            for process in self.processes:
                await process.engine.database.close()

    async def _place(self) -> None:
        self._sql("TRUNCATE orders, order_events, mock_chain.transactions")
        for kind in self.random.choices(KINDS, k=ORDERS):
            self.orders += await self.engine.place(**kind, expires_at=datetime.now(UTC) + A_MONTH)
        self.steps.append(f"placed {[(str(order.id), order.type.value) for order in self.orders]}")
        await self._tick(self.orders[0])

    async def _step(self) -> None:
        choices = [
            self._claim,
            self._continue_attempt,
            self._send,
            self._tick,
            self._sweep,
            self._handle,
            self._handle_at_once,
        ]
        await self.random.choice(choices)(self.random.choice(self.orders))

    async def _claim(self, order: Order) -> None:
        """The message is delivered: at first, twice at once, during the backoff, or again after the lease expired."""
        self._perhaps_end_lease(order)
        self._perhaps_end_pause(order)
        (claim,) = await self.engine.claim(order)
        self._log("claim", order, claim.decision)
        if claim.decision is Decision.CLAIMED and claim.order:
            self.attempts = [*self.attempts, claim.order][-WORKERS:]

    async def _continue_attempt(self, _: Order) -> None:
        """A worker takes its next steps, possibly long after it lost its lease."""
        if not self.attempts:
            return
        attempt = self.attempts.pop(self.random.randrange(len(self.attempts)))
        with suppress(Fenced):
            for step in range(self.random.randint(1, 3)):
                self._log(f"step {step}", attempt, f"from {attempt.sequence} {attempt.status}")
                after = await self._after_next_step(attempt)
                if after is None:
                    return
                attempt = after
            self.attempts.append(attempt)

    async def _send(self, _: Order) -> None:
        """A transaction that a worker sent arrives, now or much later; or the worker crashes, then or before."""
        if not self.attempts:
            return
        attempt = self.random.choice(self.attempts)
        if attempt.transaction:
            self._log("send", attempt)
            await self.engine.chain.send([attempt.transaction])
        if self.random.random() < 0.5:
            self._log("crash", attempt)
            self.attempts.remove(attempt)

    async def _tick(self, order: Order) -> None:
        """The trigger sees a price, which may be another one when the orders that it activates are executed."""
        self._perhaps_end_pause(order)
        price = self.random.choice(TICKS)
        self._log("tick", order, price)
        self.prices.set(str(price))
        await self.processes[0].tick(order)

    async def _sweep(self, order: Order) -> None:
        """The watchdogs expire; sometimes the order does so, too, possibly during an attempt."""
        if self.random.random() < 0.25:
            self._log("expire", order)
            self.engine.expire(order)
        self._sql("UPDATE orders SET watchdog_at = now() WHERE watchdog_at IS NOT NULL")
        await sweep(self.engine.orders, self.engine.recorder, WATCHDOG)

    async def _handle(self, order: Order) -> None:
        """One process handles the order: at first, again, or when its status no longer allows it."""
        handle = self.random.choice(HANDLERS)
        self._perhaps_end_lease(order)
        self._log(handle.__name__, order)
        await handle(self.processes[0], order)

    async def _handle_at_once(self, order: Order) -> None:
        """Several processes handle the order at the same time; sometimes their statements have to wait for a lock."""
        self._perhaps_end_pause(order)
        handlers = self.random.choices([*HANDLERS, Process.tick, Process.cancel], k=PROCESSES)
        contention = self._contention(order) if self.random.random() < 0.5 else nullcontext()
        self._log("at once", order, [handle.__name__ for handle in handlers])
        async with contention:
            handling = (handle(process, order) for handle, process in zip(handlers, self.processes, strict=True))
            await asyncio.gather(*handling)

    @asynccontextmanager
    async def _contention(self, order: Order) -> AsyncIterator[None]:
        """Another connection locks the order's row for some milliseconds, again and again."""
        locked, durations = asyncio.Event(), Random(self.random.random())

        async def lock() -> None:
            async with await psycopg.AsyncConnection.connect(self.engine.url, autocommit=True) as connection:
                while True:
                    async with connection.transaction():
                        await connection.execute("SELECT FROM orders WHERE id = %s FOR UPDATE", (order.id,))
                        locked.set()
                        await asyncio.sleep(durations.uniform(0, LOCKED_SECONDS))

        locking = asyncio.create_task(lock())
        await locked.wait()
        try:
            yield
        finally:
            locking.cancel()
            await asyncio.wait([locking])

    async def _end(self) -> None:
        """The message of every open order is redelivered, and the orders that rest are cancelled."""
        for _ in range(4):
            self._sql("UPDATE orders SET lease_until = NULL, not_before = NULL")
            for order in self.orders:
                await self.processes[0].execute(order)
                for _ in range(2):  # the first one may only send the transaction
                    await self.engine.confirm(order)
        assert (await self.engine.canceller().cancel_all(ACCOUNT, TIME_LIMIT, statuses=RESTING)).complete

    async def _after_next_step(self, order: Order) -> Order | None:
        """The order after a worker's next step; None if its attempt has ended. Raises Fenced."""
        engine, venue = self.engine, self.engine.venues[0]
        route = choose([venue.quote_at(order.swap, time.time())], {})
        price_is_gone = self.random.random() < 0.25
        match order.status:
            case Status.ROUTING if price_is_gone:
                await engine.settler().end_attempt(order, BelowMinAmountOut())
                return None
            case Status.ROUTING:
                return await engine.journal.record(building(order, route))
            case Status.BUILDING:
                least = HIGH * order.amount_in if price_is_gone else order.min_amount_out_for(route.best)
                valid_until = datetime.now(UTC) + self.random.choice([AN_HOUR, AN_HOUR, -AN_HOUR])
                transaction = await venue.build(order, route.best, least, valid_until)
                return await engine.journal.record(submitted(order, transaction))
            case _:
                return order if await engine.settler().send(order) is InFlight.IN_FLIGHT else None

    def _check(self, excepted: set[str]) -> None:
        report = check_on(self.connection, Policy.of({}))
        excepted |= _MOVED_TIMES
        breaches = {rule: orders for rule, orders in report.breaches.items() if orders and rule not in excepted}
        assert not breaches, f"\n{report}"
        for order_id, sequence in self.answers.cancelled.items():
            assert not self._statuses_after(order_id, sequence), f"{order_id} was cancelled"
        for order_id, sequence in self.answers.already_submitted.items():
            ends = {Status.CONFIRMED, Status.CANCELLED}
            assert self._statuses_after(order_id, sequence) <= ends, f"{order_id} was to get no further attempt"

    def _statuses_after(self, order_id: UUID, sequence: int) -> set[str]:
        later = self.connection.execute(
            "SELECT status FROM order_events WHERE order_id = %s AND sequence > %s", (order_id, sequence)
        )
        return {row["status"] for row in later}

    def _perhaps_end_lease(self, order: Order) -> None:
        if self.random.random() < 0.5:
            self._log("lease over", order)
            expire: LiteralString = (
                "UPDATE orders SET lease_until = now() - interval '1s' WHERE id = %s AND lease_until IS NOT NULL"
            )
            self._sql(expire, order.id)

    def _perhaps_end_pause(self, order: Order) -> None:
        if self.random.random() < 0.5:
            self._log("pause over", order)
            self._sql("UPDATE orders SET not_before = NULL WHERE id = %s", order.id)

    def _sql(self, statement: LiteralString, *parameters: object) -> None:
        self.connection.execute(statement, parameters)

    def _log(self, step: str, order: Order, detail: object = "") -> None:
        self.steps.append(f"{step} {order.id} {detail}")


def test_invariants_hold_in_random_interleavings(postgres_server: TestServer) -> None:
    with (
        postgres_server.fresh_copy() as url,
        psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection,
    ):
        for seed in range(INTERLEAVINGS):
            asyncio.run(Interleaving(url, connection, seed).run())
