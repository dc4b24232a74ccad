"""Every message is delivered two to five times, at random times, to several workers, while most calls fail.

    python -m testing.faults.duplicates --orders 2000 --seed 1

Two triggers see a price that jumps from far below the market to far above it and back, and a tenth of the orders is
cancelled at random moments.

Each worker consists of the engine's real components, with its own connection to a real Postgres. Other connections lock
rows for some milliseconds, so that statements have to wait and the data that they depend on changes meanwhile. The
in-memory queue behaves like SQS: it hides received messages, counts receives, and moves messages that were received too
often to the dead letters.

No worker crashes here, so no order may fail because an attempt was interrupted.
"""

import argparse
import asyncio
import heapq
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import DictRow

from order_engine.adapters.postgres.database import Parameters
from order_engine.domain.claims import Claim, Decision
from order_engine.domain.errors import AlreadyFinished, AlreadySubmitted
from order_engine.domain.lifecycle import RESTING
from order_engine.domain.orders import Order
from order_engine.domain.triggers import OrderType
from order_engine.observability import logger
from order_engine.use_cases.sweep import sweep
from testing.engine import ACCOUNT, WATCHDOG, Engine, Prices, new_order
from testing.faults.invariants import FINISHED, Policy, Report, check
from testing.postgres import TestServer

POLICY = Policy.of({})
WORKERS = 6
CONFIRMERS = 2
TRIGGERS = 2
# With weights. The venues pay about 145: the price of the second limit order is always gone again.
_KINDS: list[tuple[int, dict[str, Any]]] = [
    (10, {}),
    (4, {"type": OrderType.LIMIT, "trigger_price": Decimal(100)}),
    (1, {"type": OrderType.LIMIT, "trigger_price": Decimal(10**6)}),
    (5, {"type": OrderType.STOP, "trigger_price": Decimal(100)}),
]
_PRICES = ["1", "10000000"]
_TICK_SECONDS = 0.1
_RESTING_SECONDS = 5  # until the orders that rest then are cancelled
_CANCELLED_SHARE = 0.1
_CANCELLED_WITHIN = (-2, 0.5)  # 10 ms to 3 s after it was placed, as powers of ten
_LATENCY = 0.05
_FAILURE_RATE = 0.6
_MOST_COPIES = 4
_COPIES_WITHIN = (-2, 1)  # 10 ms to 10 s, as powers of ten: often while the first is processed, sometimes in a backoff
_BATCH = 10
_TIME_LIMIT = timedelta(seconds=7)
_DEAD_SECONDS = 2  # until a dead letter that could not be settled is redelivered
_IDLE_SECONDS = 0.005
_NETWORK_SECONDS = 0.03
_LOCKERS = 3
_LOCKED_SECONDS = 0.05
_LOCK = "SELECT FROM orders WHERE id = ANY(%s) ORDER BY id FOR UPDATE"


class Deliveries:
    """Messages, each about one order and with the time from which it can be received; ordered by that time."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, UUID, int]] = []
        self._numbers = itertools.count()

    def put(self, order_id: UUID, delay: float, receives: int = 0) -> None:
        """Add a message that can be received in `delay` seconds."""
        heapq.heappush(self._waiting, (time.monotonic() + delay, next(self._numbers), order_id, receives))

    def take(self) -> list[tuple[UUID, int]]:
        """Up to one batch: (order id, number of receives, including this one)."""
        taken: list[tuple[UUID, int]] = []
        while self._waiting and self._waiting[0][0] <= time.monotonic() and len(taken) < _BATCH:
            _, _, order_id, receives = heapq.heappop(self._waiting)
            taken.append((order_id, receives + 1))
        return taken


@dataclass
class Queue:
    """The orders queue, which delivers every message several times, and its dead letters."""

    random: Random
    orders: Deliveries = field(default_factory=Deliveries)
    dead: Deliveries = field(default_factory=Deliveries)
    received: int = 0

    async def send(self, order_id: UUID, delay: timedelta = timedelta()) -> None:
        """As OrdersQueue.send."""
        self.orders.put(order_id, delay.total_seconds())
        for _ in range(self.random.randint(1, _MOST_COPIES)):
            self.orders.put(order_id, delay.total_seconds() + 10 ** self.random.uniform(*_COPIES_WITHIN))

    async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> Sequence[UUID]:
        """As OrdersQueue.send_all."""
        for order_id in order_ids:
            await self.send(order_id, delay)
        return order_ids

    def receive(self) -> list[tuple[UUID, int]]:
        """Receive a batch; messages that were received too often become dead letters instead."""
        taken = self.orders.take()
        for order_id, receives in taken:
            if receives > POLICY.max_attempts:
                self.dead.put(order_id, 0)
        live = [(order_id, receives) for order_id, receives in taken if receives <= POLICY.max_attempts]
        self.received += len(live)
        return live


@dataclass(frozen=True)
class Confirmations:
    """The confirmations queue, which delivers every message one to four times."""

    random: Random
    orders: Deliveries = field(default_factory=Deliveries)

    async def send(self, order_ids: Sequence[UUID], delay: timedelta) -> None:
        """As ConfirmationsQueue.send."""
        for order_id in order_ids:
            for _ in range(self.random.randint(1, _MOST_COPIES)):
                self.orders.put(order_id, delay.total_seconds() * self.random.random())


@dataclass
class DuplicateDeliveries:
    """One run: several workers and confirmers, a dead-letter function and a sweeper on one database."""

    url: str
    count: int
    random: Random
    decisions: Counter[Decision] = field(default_factory=Counter)

    async def run(self) -> None:
        """Place the orders, and run until every order has ended."""
        self.queue, self.confirmations = Queue(self.random), Confirmations(self.random)
        self.prices = Prices()
        placing = Engine(self.url)
        engines = [self._engine_with_network_latency() for _ in range(WORKERS + CONFIRMERS + TRIGGERS + 3)]
        *executing, settling, sweeping, cancelling = engines
        tasks = [
            *(asyncio.create_task(self._work(worker)) for worker in executing[:WORKERS]),
            *(asyncio.create_task(self._confirm(confirmer)) for confirmer in executing[WORKERS:-TRIGGERS]),
            *(asyncio.create_task(self._tick(trigger)) for trigger in executing[-TRIGGERS:]),
            asyncio.create_task(self._settle_dead_letters(settling)),
            asyncio.create_task(self._sweep(sweeping)),
            *(asyncio.create_task(self._lock()) for _ in range(_LOCKERS)),
        ]
        await self._place(placing, cancelling)
        await asyncio.sleep(_RESTING_SECONDS)
        while (await asyncio.to_thread(check, self.url, POLICY)).breaches[FINISHED]:
            await placing.canceller().cancel_all(ACCOUNT, _TIME_LIMIT, statuses=RESTING)
            await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for engine in (placing, *engines):
            await engine.database.close()

    def _engine_with_network_latency(self) -> Engine:
        engine = Engine(self.url, latency=_LATENCY, failure_rate=_FAILURE_RATE, seed=self.random.randrange(2**32))
        fetch = engine.database.fetch

        async def fetch_with_latency(
            statement: str, parameters: Parameters | None = None, *, prepare: bool = False
        ) -> list[DictRow]:
            await asyncio.sleep(self.random.uniform(0, _NETWORK_SECONDS))
            rows = await fetch(statement, parameters, prepare=prepare)
            await asyncio.sleep(self.random.uniform(0, _NETWORK_SECONDS))
            return rows

        engine.database.fetch = fetch_with_latency  # type: ignore[method-assign]
        return engine

    async def _place(self, placing: Engine, cancelling: Engine) -> None:
        submitter = placing.submitter(queue=self.queue, prices=self.prices)
        async with asyncio.TaskGroup() as cancellations:
            for _, kind in self.random.choices(_KINDS, [weight for weight, _ in _KINDS], k=self.count):
                order = (await submitter.submit(new_order(**kind, force=True))).order
                if self.random.random() < _CANCELLED_SHARE:
                    cancellations.create_task(self._cancel(cancelling, order))

    async def _cancel(self, engine: Engine, order: Order) -> None:
        await asyncio.sleep(10 ** self.random.uniform(*_CANCELLED_WITHIN))
        with suppress(AlreadySubmitted, AlreadyFinished):
            await engine.cancel(order)

    async def _tick(self, engine: Engine) -> None:
        while True:
            self.prices.set(self.random.choice(_PRICES))
            await engine.tick(prices=self.prices, queue=self.queue)
            await asyncio.sleep(_TICK_SECONDS)

    async def _work(self, engine: Engine) -> None:
        claim = engine.orders.claim

        async def claim_and_count(ids: Collection[UUID], **policy: Any) -> list[Claim]:
            claims = await claim(ids, **policy)
            self.decisions.update(each.decision for each in claims)
            return claims

        engine.orders.claim = claim_and_count  # type: ignore[method-assign]
        while True:
            batch = self.queue.receive()
            delays = dict.fromkeys((order_id for order_id, _ in batch), POLICY.watchdog)

            async def postpone(order_id: UUID, delay: timedelta, delays: dict[UUID, timedelta] = delays) -> None:
                delays[order_id] = delay

            executor = engine.executor(confirmations=self.confirmations)
            done = await executor.execute(delays.keys(), _TIME_LIMIT, postpone) if batch else set()
            for order_id, receives in batch:
                if order_id not in done:
                    self.queue.orders.put(order_id, delays[order_id].total_seconds(), receives)
            await asyncio.sleep(0 if batch else _IDLE_SECONDS)

    async def _confirm(self, engine: Engine) -> None:
        confirmer = engine.confirmer(queue=self.queue, confirmations=self.confirmations)
        while True:
            await confirmer.confirm({order_id for order_id, _ in self.confirmations.orders.take()}, _TIME_LIMIT)
            await asyncio.sleep(_IDLE_SECONDS)

    async def _lock(self) -> None:
        """Keep locking some orders, so that statements about them have to wait."""
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            while True:
                cursor = await connection.execute("SELECT id FROM orders WHERE finished_at IS NULL")
                ids = [order_id for (order_id,) in await cursor.fetchall()]
                async with connection.transaction():
                    await connection.execute(_LOCK, (self.random.sample(ids, min(len(ids), _BATCH)),))
                    await asyncio.sleep(self.random.uniform(0, _LOCKED_SECONDS))

    async def _settle_dead_letters(self, engine: Engine) -> None:
        handler = engine.dead_letters(queue=self.queue, confirmations=self.confirmations)
        while True:
            batch = {order_id for order_id, _ in self.queue.dead.take()}
            settlement = await handler.settle(batch, _TIME_LIMIT)
            for order_id in batch - settlement.settled:
                self.queue.dead.put(order_id, _DEAD_SECONDS)
            await asyncio.sleep(_IDLE_SECONDS)

    async def _sweep(self, engine: Engine) -> None:
        while True:
            await asyncio.sleep(1)
            await sweep(engine.orders, self.queue, WATCHDOG)


@dataclass(frozen=True)
class Findings:
    """The result of a run. `early`: orders that failed with an attempt left, or because an attempt was interrupted."""

    seconds: float
    received: int
    decisions: Counter[Decision]
    early: int
    report: Report


def run(url: str, orders: int, seed: int) -> Findings:
    """One run on a migrated, empty database."""
    began = time.monotonic()
    deliveries = DuplicateDeliveries(url, orders, Random(seed))
    asyncio.run(deliveries.run())
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM orders WHERE status = 'failed'"
            " AND (attempt < %s OR details -> 'error' ->> 'code' = 'attempts_exhausted')",
            (POLICY.max_attempts,),
        ).fetchone()
    assert row
    seconds = time.monotonic() - began
    return Findings(seconds, deliveries.queue.received, deliveries.decisions, row[0], check(url, POLICY))


def main() -> int:
    """Print the decisions of claims, and whether the invariants held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logger.setLevel("ERROR")
    with tempfile.TemporaryDirectory() as directory:
        server = TestServer(Path(directory))
        try:
            with server.fresh_copy() as url:
                found = run(url, options.orders, options.seed)
        finally:
            server.stop()
    print(f"seed {options.seed}, {found.seconds:.0f} s, {found.received} messages received by {WORKERS} workers")
    print(", ".join(f"{decision} {count}" for decision, count in found.decisions.most_common()))
    print(f"failed early: {found.early}")
    print(found.report)
    return 1 if found.early or any(found.report.breaches.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
