"""Execute orders: claim, quote, route, build, sign, send. A batch runs concurrently; the confirmer does the rest."""

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from order_engine.domain.claims import Claim, Decision
from order_engine.domain.errors import (
    AttemptFailed,
    BelowMinAmountOut,
    DatabaseUnavailable,
    Fenced,
    QueueUnavailable,
)
from order_engine.domain.money import text
from order_engine.domain.orders import Order
from order_engine.domain.transactions import InFlight
from order_engine.domain.transitions import building, submitted
from order_engine.observability import error_fields, logger
from order_engine.use_cases.announce import announce
from order_engine.use_cases.call_venue import call_venue
from order_engine.use_cases.deadline import Deadline
from order_engine.use_cases.ports import Confirmations, Journal, Orders
from order_engine.use_cases.quote import quote
from order_engine.use_cases.settle import Ended, Settler
from order_engine.venues.protocol import Venue

# The outcome for an order: its attempt has ended, its transaction is in flight, or its message is to be redelivered
# after a delay.
Result = Ended | InFlight | timedelta
Handling = Coroutine[Any, Any, Result]

_AT_ONCE = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionLimits:
    """Time limits. `lease` must be longer than a batch may take."""

    lease: timedelta
    venue: timedelta
    transaction_validity: timedelta
    landing: timedelta
    """How long a transaction usually takes to land; the confirmer's first check is after this delay."""


class Postpone(Protocol):
    """Has an order's message redelivered after a delay, counted from now."""

    async def __call__(self, order_id: UUID, delay: timedelta) -> None:
        """Never raises: a message that cannot be postponed is redelivered when its visibility timeout expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Executes batches of orders."""

    orders: Orders
    journal: Journal
    venues: Sequence[Venue]
    settler: Settler
    confirmations: Confirmations
    limits: ExecutionLimits

    async def execute(self, ids: Collection[UUID], time_limit: timedelta, postpone: Postpone) -> set[UUID]:
        """Run a batch for at most `time_limit`, including the claim; returns the orders whose messages are done with.

        These are finished, or handed over to the confirmer. The messages of all other orders must be redelivered:
        `postpone` gets the delay as soon as it is known. Raises DatabaseUnavailable if the orders cannot be claimed.
        """
        deadline = Deadline.after(time_limit)
        claims = await self.orders.claim(ids, lease=self.limits.lease, max_attempts=self.settler.retries.max_attempts)
        await announce(claims, self.orders, self.journal)
        results = await deadline.results({claim.order_id: self._guarded(claim, postpone) for claim in claims})
        await self.journal.drain(deadline.publish_by)  # so that events are pushed in order
        in_flight = [order_id for order_id, result in results.items() if result is InFlight.IN_FLIGHT]
        handed_over = await self._hand_over(in_flight, postpone)
        late = {claim.order_id for claim in claims} - results.keys()
        for order_id in late:
            # Its state is left as it is; once its lease has expired, the next claim decides what to do.
            logger.warning("batch time limit reached", extra={"order_id": str(order_id)})
        await self._postpone(late, postpone)
        await self.journal.drain(deadline.finish_by)
        return {order_id for order_id, result in results.items() if result == Ended()} | handed_over

    async def _postpone(self, ids: Collection[UUID], postpone: Postpone) -> None:
        await asyncio.gather(*(postpone(order_id, self.limits.lease) for order_id in ids))

    async def _hand_over(self, ids: Sequence[UUID], postpone: Postpone) -> set[UUID]:
        """Send one message for all of them; returns the orders that were handed over."""
        if not ids:
            return set()
        try:
            await self.confirmations.send(ids, self.limits.landing)
        except QueueUnavailable as error:
            logger.warning("not handed over to the confirmer", extra={"orders": len(ids), **error_fields(error)})
            await self._postpone(ids, postpone)
            return set()
        return set(ids)

    async def _guarded(self, claim: Claim, postpone: Postpone) -> Result:
        logger.thread_safe_append_keys(order_id=str(claim.order_id))  # for this task only: each has its own context
        result: Result = self.limits.lease
        try:
            result = await self._handling(claim)
        except Fenced:
            logger.warning("order changed by another process")
            result = _AT_ONCE  # the next claim finds out its state
        except DatabaseUnavailable as error:
            # It is unknown how far the attempt got, so it is neither retried nor failed: the next claim finds out.
            logger.warning("attempt interrupted", extra=error_fields(error))
        except Exception:
            logger.exception("attempt crashed")
        if isinstance(result, Ended) and result.retry_in is not None:
            result = result.retry_in
        if isinstance(result, timedelta):
            await postpone(claim.order_id, result)
        return result

    def _handling(self, claim: Claim) -> Handling:
        match claim:
            case Claim(decision=Decision.CLAIMED, order=Order() as order):
                return self._attempt(order)
            case Claim(decision=Decision.EXHAUSTED, order=Order() as order):
                return self.settler.fail_exhausted(order)
            case Claim(decision=Decision.OVERDUE, order=Order() as order):
                return self.settler.expire(order)
            case Claim(decision=Decision.CANCEL_REQUESTED, order=Order() as order):
                return self.settler.cancel(order)
            case _:
                return self._leave(claim)

    async def _leave(self, claim: Claim) -> Result:
        logger.info("not claimed", extra={"decision": claim.decision})
        match claim.decision:
            case Decision.FINISHED | Decision.RESTING:
                return Ended()
            case Decision.IN_FLIGHT:
                return InFlight.IN_FLIGHT
            case Decision.UNKNOWN:
                return _AT_ONCE  # so that it soon reaches the dead-letter queue
            case _:
                return claim.back_in or self.limits.lease

    async def _attempt(self, order: Order) -> Ended | InFlight:
        try:
            order = await self._route_and_sign(order)
        except _Stopped as stopped:
            return await self.settler.end_attempt(stopped.order, stopped.error)
        return await self.settler.send(order)

    async def _route_and_sign(self, order: Order) -> Order:
        try:
            route = await quote(order.swap, self.venues, self.limits.venue)
            min_amount_out = order.min_amount_out_for(route.best)
            if route.best.amount_out < min_amount_out:
                missing_bps = float(1 - route.best.amount_out / min_amount_out) * 10_000
                raise BelowMinAmountOut(
                    f"The best quote pays out {text(route.best.amount_out)} {order.token_out},"
                    f" less than the {text(min_amount_out)} asked for.",
                    missing_bps if route.complete else 0,  # another venue may pay more in a moment
                )
            order = await self.journal.record(building(order, route))
            venue = next(venue for venue in self.venues if venue.name == route.best.venue)
            signing = venue.build(order, route.best, min_amount_out, self._valid_until(order))
            transaction = await call_venue(venue, signing, self.limits.venue)
        except AttemptFailed as error:
            raise _Stopped(order, error) from error
        # Recorded before it is sent: from here on, any other worker first looks this signature up on the chain.
        return await self.journal.record(submitted(order, transaction))

    def _valid_until(self, order: Order) -> datetime:
        """No transaction is valid beyond its order's expiry."""
        return min(datetime.now(UTC) + self.limits.transaction_validity, order.expires_at)


class _Stopped(Exception):
    """The attempt ended before anything was signed. `order` is the order at that time."""

    def __init__(self, order: Order, error: AttemptFailed) -> None:
        super().__init__(str(error))
        self.order = order
        self.error = error
