"""The ways in which an attempt, or the order itself, ends. No other code ends one."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from order_engine.domain.errors import (
    AttemptFailed,
    AttemptsExhausted,
    FinalFailure,
    OrderExpired,
    VenueUnavailable,
)
from order_engine.domain.orders import Order
from order_engine.domain.transactions import Fill
from order_engine.domain.transitions import confirmed, expired, failed, retried
from order_engine.observability import because, logger
from order_engine.use_cases.ports import Journal
from order_engine.venues.protocol import Chain


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often an order is attempted, and how long after its first failure the second attempt may begin."""

    max_attempts: int
    backoff: timedelta

    def wait_after(self, attempt: int) -> timedelta:
        """Whole seconds (SQS knows no others) until the next attempt: doubling, up to half as long again."""
        wait = self.backoff.total_seconds() * 2 ** (attempt - 1)
        return timedelta(seconds=round(random.uniform(wait, wait * 1.5)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settler:
    """Ends attempts and orders. Each method raises Fenced (somebody else did it first) and DatabaseUnavailable."""

    journal: Journal
    chain: Chain
    retries: RetryPolicy

    async def settle(self, order: Order) -> timedelta | None:
        """See the order's signed transaction through, which may have been sent before: sending it again is harmless.

        Returns the time until the next attempt, None when the order is finished. Raises VenueUnavailable when the
        chain cannot be asked.
        """
        assert order.transaction
        try:
            await self.chain.send(order.transaction)
        except VenueUnavailable as error:
            logger.warning("not known whether it was sent", extra=because(error))
        landing = await self.chain.landing(order.transaction)
        if isinstance(landing, Fill):
            await self.journal.record(confirmed(order, landing))
            return None
        return await self.end_attempt(order, landing)

    async def end_attempt(self, order: Order, error: AttemptFailed) -> timedelta | None:
        """Record that the attempt ended without a fill and that nothing signed can land any more.

        Returns the time until the next attempt, None when there is none.
        """
        if isinstance(error, FinalFailure) or order.attempt >= self.retries.max_attempts:
            await self.journal.record(failed(order, error))
            return None
        wait = self.retries.wait_after(order.attempt)
        if datetime.now(UTC) + wait >= order.expires_at:
            await self.journal.record(expired(order, error))
            return None
        await self.journal.record(retried(order, error, wait))
        return wait

    async def fail_exhausted(self, order: Order) -> None:
        """Nothing is signed and no attempt is left."""
        await self.journal.record(failed(order, AttemptsExhausted()))

    async def expire(self, order: Order) -> None:
        """Nothing is signed and the order's time is over."""
        await self.journal.record(expired(order, OrderExpired()))
