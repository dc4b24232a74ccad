"""Execute orders: claim, quote, route, build, submit, land. All orders of a batch at once."""

import asyncio
import random
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from order_engine.domain.errors import (
    AttemptFailed,
    DatabaseUnavailable,
    Fenced,
    FinalFailure,
    VenueUnavailable,
)
from order_engine.domain.orders import Claims, Order
from order_engine.domain.statuses import Status
from order_engine.domain.transactions import Fill
from order_engine.domain.transitions import building, confirmed, failed, retried, submitted
from order_engine.observability import because, logger
from order_engine.use_cases.ask import ask
from order_engine.use_cases.ports import Journal, Orders
from order_engine.use_cases.quote import quote
from order_engine.use_cases.reconcile import reconcile
from order_engine.venues.protocol import Chain, Venue

# What is to be done for one order; it ends with the seconds until its message should come back, or None: done with.
Step = Coroutine[Any, Any, float | None]


@dataclass(frozen=True, slots=True)
class Policy:
    """How hard to try. Times in seconds; `lease` must be longer than a batch may take."""

    max_attempts: int
    backoff: float
    lease: float
    venue_timeout: float
    transaction_validity: float


class Postpone(Protocol):
    """Lets an order's message come back after some seconds, counted from now."""

    async def __call__(self, order_id: UUID, seconds: float) -> None:
        """Never raises: a message that cannot be postponed comes back later than it might."""


@dataclass(frozen=True, slots=True)
class Executor:
    """Executes orders with what it is given."""

    orders: Orders
    journal: Journal
    venues: Sequence[Venue]
    chain: Chain
    policy: Policy

    async def execute(self, ids: Collection[UUID], deadline: float, postpone: Postpone) -> set[UUID]:
        """Run a batch for at most `deadline` seconds; returns the orders whose messages may go.

        The message of every other order must come back: when is said to `postpone` as soon as it is known.
        Raises DatabaseUnavailable when the batch could not be claimed; no attempt was used then.
        """
        claims = await self.orders.claim(ids, self.policy.lease, self.policy.max_attempts)
        self._announce(claims)
        work = {history.order.id: self._attempt(history.order) for history in claims.claimed}
        work |= {history.order.id: self._leave_or_reconcile(history.order) for history in claims.others}
        for order_id in set(ids) - set(work):
            logger.error("there is no such order", extra={"order_id": str(order_id)})
            await postpone(order_id, 0)  # at once, and so to the dead-letter queue
        done = await self._run(work, deadline, postpone)
        await self.journal.drain()
        return done

    def _announce(self, claims: Claims) -> None:
        """Publish what these orders' earlier workers may have committed but not published.

        A client then has every step in order from one sender, whatever became of the others.
        """
        for history in (*claims.claimed, *(history for history in claims.others if history.order.terminal)):
            self.journal.announce(history.events)

    async def _run(self, work: dict[UUID, Step], deadline: float, postpone: Postpone) -> set[UUID]:
        if not work:
            return set()
        tasks = {
            order_id: asyncio.create_task(self._guarded(order_id, step, postpone)) for order_id, step in work.items()
        }
        await asyncio.wait(tasks.values(), timeout=deadline)
        late = {order_id for order_id, task in tasks.items() if task.cancel()}
        await asyncio.wait(tasks.values())
        for order_id in late:
            # It stays as it is; when its lease is over, the next attempt asks the chain first.
            logger.warning("out of time", extra={"order_id": str(order_id)})
            await postpone(order_id, self.policy.lease)
        return {order_id for order_id, task in tasks.items() if order_id not in late and task.result()}

    async def _guarded(self, order_id: UUID, step: Step, postpone: Postpone) -> bool:
        logger.thread_safe_append_keys(order_id=str(order_id))  # of this task: each has a context of its own
        wait: float | None = self.policy.lease
        try:
            wait = await step
        except Fenced:
            logger.warning("another worker has the order")
            wait = None
        except (DatabaseUnavailable, VenueUnavailable) as error:
            # Not known how far the attempt came, so it is neither retried nor failed: the next one finds out.
            logger.warning("attempt broken off", extra=because(error))
        except Exception:
            logger.exception("attempt crashed")
        if wait is not None:
            await postpone(order_id, wait)
        return wait is None

    async def _leave_or_reconcile(self, order: Order) -> None:
        # In other hands: this message is a repeat, and the watchdog looks after the order should those hands fail.
        if order.terminal or order.leased:
            logger.info("left alone", extra={"status": order.status})
        else:
            await reconcile(order, self.journal, self.chain)

    async def _attempt(self, order: Order) -> float | None:
        """Returns the seconds until the next attempt, None if the order is finished."""
        if order.status is not Status.SUBMITTED:
            try:
                order = await self._route_and_sign(order)
            except _Stopped as stopped:
                return await self._end_attempt(stopped.order, stopped.error)
        return await self._land(order)

    async def _route_and_sign(self, order: Order) -> Order:
        try:
            route = await quote(order.swap, self.venues, self.policy.venue_timeout)
            order = await self.journal.record(building(order, route))
            venue = next(venue for venue in self.venues if venue.name == route.best.venue)
            valid_for = timedelta(seconds=self.policy.transaction_validity)
            signing = venue.build(order, route.best, valid_for)
            transaction = await ask(venue, signing, self.policy.venue_timeout)
        except AttemptFailed as error:
            raise _Stopped(order, error) from error
        # Recorded before it is sent: from here on, whoever takes over asks the chain about this signature first.
        return await self.journal.record(submitted(order, transaction))

    async def _land(self, order: Order) -> float | None:
        """See the order's transaction through. It may have been sent before: sending it again is harmless."""
        assert order.transaction
        try:
            await self.chain.send(order.transaction)
        except VenueUnavailable as error:
            logger.warning("not known whether it was sent", extra=because(error))
        landing = await self.chain.landing(order.transaction)
        if isinstance(landing, Fill):
            await self.journal.record(confirmed(order, landing))
            return None
        return await self._end_attempt(order, landing)

    async def _end_attempt(self, order: Order, error: AttemptFailed) -> float | None:
        if isinstance(error, FinalFailure) or order.attempt >= self.policy.max_attempts:
            await self.journal.record(failed(order, error))
            return None
        wait = backoff(self.policy.backoff, order.attempt)
        await self.journal.record(retried(order, error, wait))
        return wait


class _Stopped(Exception):
    """The attempt ended before anything was signed, with the order as it then stood."""

    def __init__(self, order: Order, error: AttemptFailed) -> None:
        super().__init__(str(error))
        self.order = order
        self.error = error


def backoff(base: float, attempt: int) -> int:
    """Whole seconds (SQS knows no others) before the attempt after `attempt`: doubling, up to half as long again."""
    wait = base * 2 ** (attempt - 1)
    return round(random.uniform(wait, wait * 1.5))
