"""Accept an order: store it, then send it to the queue."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from order_engine.domain.errors import (
    DatabaseUnavailable,
    FieldError,
    IdempotencyConflict,
    InvalidRequest,
    QueueUnavailable,
)
from order_engine.domain.lifecycle import CLAIMS
from order_engine.domain.orders import NewOrder, Order, problem_with_expiry
from order_engine.observability import error_fields, logger
from order_engine.observability.orders import log_accepted
from order_engine.use_cases.ports import Orders, Queue


@dataclass(frozen=True, slots=True)
class Submission:
    """The order, and whether it had been placed before with the same client order id."""

    order: Order
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Accepts orders. `lifetime` applies if an order has no expiry; the sweeper first checks after `watchdog`."""

    orders: Orders
    queue: Queue
    lifetime: timedelta
    watchdog: timedelta

    async def submit(self, new: NewOrder) -> Submission:
        """Place an order. Once stored, it will be executed even if it cannot be queued now.

        Raises InvalidRequest (it expires too soon or too late), DatabaseUnavailable (nothing was stored),
        OutcomeUnknown (it may have been) and IdempotencyConflict (the client order id belongs to a different order).
        """
        order, is_new = await self._placed(new)
        if is_new:
            log_accepted(order)
        elif not order.is_repeat_of(new):
            raise IdempotencyConflict()
        # Also for a repeat: the process that stored the order may have died before it queued it.
        if order.unattempted and order.status in CLAIMS:
            await self._send(order)
        return Submission(order, replayed=not is_new)

    async def _placed(self, new: NewOrder) -> tuple[Order, bool]:
        problem = new.expires_at and problem_with_expiry(new.expires_at, datetime.now(UTC))
        if not problem:
            return await self.orders.place(new, lifetime=self.lifetime, watchdog=self.watchdog)
        # A repeat that arrives too late for its `expires_at` still gets its order.
        before = new.client_order_id and await self.orders.placed_before(new.account, new.client_order_id)
        if not before:
            raise InvalidRequest([FieldError("expiresAt", problem)])
        return before, False

    async def _send(self, order: Order) -> None:
        try:
            await self.queue.send(order.id)
        except QueueUnavailable as error:
            logger.warning("not queued; left to the sweeper", extra={"order_id": str(order.id), **error_fields(error)})
            with suppress(DatabaseUnavailable):  # the order is stored anyway, and its watchdog is set
                await self.orders.mark_due(order.id)
