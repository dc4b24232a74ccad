"""The ways in which an attempt, or the order itself, ends. No other code ends one."""

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
    OrderExpired,
    VenueUnavailable,
)
from order_engine.domain.orders import Order
from order_engine.domain.transactions import Fill, InFlight, Transaction, TransactionStatus
from order_engine.domain.transitions import confirmed, expired, failed, retried
from order_engine.observability import error_fields, logger
from order_engine.use_cases.ports import Journal
from order_engine.venues.protocol import Chain

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often an order is attempted, and how long after its first failure the second attempt may begin."""

    max_attempts: int
    backoff: timedelta

    def wait_after(self, attempt: int) -> timedelta:
        """Whole seconds (SQS knows no others) until the next attempt: doubling, up to half as long again."""
        wait = self.backoff.total_seconds() * 2 ** (attempt - 1)
        return timedelta(seconds=round(random.uniform(wait, wait * 1.5)))


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt is over; `retry_in` is the time until the next one may begin, None when the order is finished."""

    retry_in: timedelta | None = None


class Settler:
    """Ends attempts and orders. Each method raises Fenced (somebody else did it first) and DatabaseUnavailable.

    Orders that are settled at the same time share one look at the chain. `time_limit` is the chain's, for one answer.
    """

    def __init__(self, *, journal: Journal, chain: Chain, retries: RetryPolicy, time_limit: timedelta) -> None:
        self.retries = retries
        self._journal = journal
        self._chain = chain
        self._seconds = time_limit.total_seconds()
        self._sending: Batcher[Transaction, None] = Batcher(self._send)
        self._looking: Batcher[Transaction, TransactionStatus] = Batcher(self._look)

    async def send(self, order: Order) -> Ended | InFlight:
        """Send the order's signed transaction, which may have been sent before, and look once what became of it."""
        assert order.transaction
        try:
            await self._sending.put(order.transaction)
        except VenueUnavailable as error:
            logger.warning("not known whether it was sent", extra=error_fields(error))
        return await self._settle(order, order.transaction)

    async def settle(self, order: Order) -> Ended | InFlight:
        """Look what became of the order's signed transaction, and send it again while it is in flight."""
        assert order.transaction
        settled = await self._settle(order, order.transaction)
        if settled is InFlight.IN_FLIGHT:
            with suppress(VenueUnavailable):  # the next look does it again
                await self._sending.put(order.transaction)
        return settled

    async def _settle(self, order: Order, transaction: Transaction) -> Ended | InFlight:
        try:
            status = await self._looking.put(transaction)
        except VenueUnavailable as error:
            logger.warning("the chain did not say how the transaction stands", extra=error_fields(error))
            return InFlight.IN_FLIGHT
        if isinstance(status, InFlight):
            return status
        if isinstance(status, Fill):
            await self._journal.record(confirmed(order, status))
            return Ended()
        return await self.end_attempt(order, status.error)

    async def end_attempt(self, order: Order, error: AttemptFailed) -> Ended:
        """Record that the attempt ended without a fill and that nothing signed can land any more."""
        if isinstance(error, FinalFailure) or order.attempt >= self.retries.max_attempts:
            await self._journal.record(failed(order, error))
            return Ended()
        wait = self.retries.wait_after(order.attempt)
        if datetime.now(UTC) + wait >= order.expires_at:
            await self._journal.record(expired(order, error))
            return Ended()
        await self._journal.record(retried(order, error, wait))
        return Ended(wait)

    async def fail_exhausted(self, order: Order) -> Ended:
        """Nothing is signed and no attempt is left."""
        await self._journal.record(failed(order, AttemptsExhausted()))
        return Ended()

    async def expire(self, order: Order) -> Ended:
        """Nothing is signed and the order's time is over."""
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
        """Raises VenueUnavailable and nothing else: a fault in a chain's SDK must not end an attempt."""
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
    """The chain answered with a fault of its own, perhaps because of one transaction of many."""


async def _each_half(
    call: Callable[[Sequence[Transaction]], Awaitable[Sequence[Answer | Exception]]],
    transactions: Sequence[Transaction],
    error: VenueUnavailable,
) -> Sequence[Answer | Exception]:
    """Find the transaction that a chain refuses a whole batch for, so that it costs no other order anything."""
    middle = len(transactions) // 2
    if middle == 0:
        return [error]
    return [*await call(transactions[:middle]), *await call(transactions[middle:])]
