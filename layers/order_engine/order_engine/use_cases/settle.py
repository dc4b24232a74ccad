"""Ends attempts and orders. No other code does so."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from order_engine.batching import Batcher
from order_engine.domain.errors import (
    AttemptFailed,
    AttemptsExhausted,
    FinalFailure,
    OrderCancelled,
    OrderExpired,
    VenueUnavailable,
)
from order_engine.domain.orders import Order
from order_engine.domain.transactions import Fill, InFlight, Transaction, TransactionStatus
from order_engine.domain.transitions import cancelled, confirmed, expired, failed, rested, retried
from order_engine.domain.triggers import PRICE_GONE, OrderType, pause_after
from order_engine.observability import error_fields, logger
from order_engine.use_cases.ports import Journal
from order_engine.use_cases.wake import Waker
from order_engine.venues.protocol import Chain

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often an order is attempted, and the delay between the first failure and the second attempt."""

    max_attempts: int
    backoff: timedelta

    def wait_after(self, attempt: int) -> timedelta:
        """The delay before the next attempt, in whole seconds (for SQS): it doubles, plus up to 50 % jitter."""
        wait = self.backoff.total_seconds() * 2 ** (attempt - 1)
        return timedelta(seconds=round(random.uniform(wait, wait * 1.5)))


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt has ended; `retry_in` is the delay before the next one, None if the order is finished."""

    retry_in: timedelta | None = None


class Settler:
    """Ends attempts and orders. Each method raises Fenced (another process did it first) and DatabaseUnavailable.

    Orders that are settled at the same time share one call to the chain. `time_limit` applies to each call.
    """

    def __init__(
        self, *, journal: Journal, chain: Chain, waker: Waker, retries: RetryPolicy, time_limit: timedelta
    ) -> None:
        self.retries = retries
        self._journal = journal
        self._waker = waker
        self._chain = chain
        self._seconds = time_limit.total_seconds()
        self._sending: Batcher[Transaction, None] = Batcher(self._send)
        self._looking: Batcher[Transaction, TransactionStatus] = Batcher(self._look)

    async def send(self, order: Order) -> Ended | InFlight:
        """Send the order's signed transaction, which may have been sent before, and check its status once."""
        assert order.transaction
        try:
            await self._sending.put(order.transaction)
        except VenueUnavailable as error:
            logger.warning("unknown whether the transaction was sent", extra=error_fields(error))
        return await self._settle(order, order.transaction)

    async def settle(self, order: Order) -> Ended | InFlight:
        """Check the status of the order's signed transaction, and send it again while it is in flight."""
        assert order.transaction
        settled = await self._settle(order, order.transaction)
        if settled is InFlight.IN_FLIGHT:
            with suppress(VenueUnavailable):  # the next check sends it again
                await self._sending.put(order.transaction)
        return settled

    async def _settle(self, order: Order, transaction: Transaction) -> Ended | InFlight:
        try:
            status = await self._looking.put(transaction)
        except VenueUnavailable as error:
            logger.warning("transaction status not available", extra=error_fields(error))
            return InFlight.IN_FLIGHT
        if isinstance(status, InFlight):
            return status
        if isinstance(status, Fill):
            await self._journal.record(confirmed(order, status))
            return Ended()
        return await self.end_attempt(order, status.error)

    async def end_attempt(self, order: Order, error: AttemptFailed) -> Ended:
        """Record that the attempt ended without a fill, and that no signed transaction can land any more."""
        if order.cancel_requested:
            await self._journal.record(cancelled(order, error))
            return Ended()
        if order.type is OrderType.LIMIT and isinstance(error, PRICE_GONE):
            await self._journal.record(rested(order, error, pause_after(error, order.sequence)))
            await self._waker.wake()
            return Ended()
        if isinstance(error, FinalFailure) or order.attempt >= self.retries.max_attempts:
            await self._journal.record(failed(order, error))
            return Ended()
        wait = self.retries.wait_after(order.attempt)
        if datetime.now(UTC) + wait >= order.expires_at:
            await self._journal.record(expired(order, error))
            return Ended()
        await self._journal.record(retried(order, error, wait))
        return Ended(wait)

    async def cancel(self, order: Order) -> Ended:
        """Cancel an order with nothing signed whose cancellation was requested while its transaction was in flight."""
        await self._journal.record(cancelled(order, OrderCancelled()))
        return Ended()

    async def fail_exhausted(self, order: Order) -> Ended:
        """Fail an order with nothing signed and no attempts left."""
        await self._journal.record(failed(order, AttemptsExhausted()))
        return Ended()

    async def expire(self, order: Order) -> Ended:
        """Expire an order with nothing signed by its expiry."""
        await self._journal.record(expired(order, OrderExpired()))
        return Ended()

    async def _send(self, transactions: Sequence[Transaction]) -> Sequence[Exception | None]:
        try:
            await self._in_time(self._chain.send(transactions))
        except _ChainFailed as error:
            return await _each_half(self._send, transactions, error)
        return [None] * len(transactions)

    async def _look(self, transactions: Sequence[Transaction]) -> Sequence[TransactionStatus | Exception]:
        try:
            return await self._in_time(self._chain.statuses(transactions))
        except _ChainFailed as error:
            return await _each_half(self._look, transactions, error)

    async def _in_time(self, answer: Awaitable[Answer]) -> Answer:
        """Raises only VenueUnavailable: an error in a chain's SDK must not end an attempt."""
        try:
            async with asyncio.timeout(self._seconds):
                return await answer
        except VenueUnavailable:
            raise
        except TimeoutError:
            raise VenueUnavailable(f"The chain did not answer within {self._seconds:g} s.") from None
        except Exception as error:
            logger.exception("chain failed")
            raise _ChainFailed("The chain failed.") from error


class _ChainFailed(VenueUnavailable):
    """The chain's SDK raised an unexpected error, perhaps because of one transaction in the batch."""


async def _each_half(
    call: Callable[[Sequence[Transaction]], Awaitable[Sequence[Answer | Exception]]],
    transactions: Sequence[Transaction],
    error: VenueUnavailable,
) -> Sequence[Answer | Exception]:
    """Split a failed batch, so that one bad transaction does not affect the other orders."""
    middle = len(transactions) // 2
    if middle == 0:
        return [error]
    return [*await call(transactions[:middle]), *await call(transactions[middle:])]
