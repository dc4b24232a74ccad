"""Cancel orders. One guarded write per order decides whether the cancellation or the fill wins."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from order_engine.domain.cancellations import CancelDecision, Cancellation, Cancelled
from order_engine.domain.errors import AlreadyFinished, AlreadySubmitted, OrderNotFound
from order_engine.domain.lifecycle import OPEN, Status
from order_engine.domain.orders import Order, latest_event
from order_engine.observability.orders import log_transition
from order_engine.use_cases.announce import publish
from order_engine.use_cases.deadline import Deadline
from order_engine.use_cases.ports import Journal, Orders

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Canceller:
    """Cancels orders and publishes the events. Every method raises DatabaseUnavailable."""

    orders: Orders
    journal: Journal

    async def cancel(self, account: str, order_id: UUID) -> Order:
        """Cancel one order; returns it, also if it had been cancelled before.

        Raises OrderNotFound, AlreadyFinished, and AlreadySubmitted: then it ends cancelled unless it is filled.
        """
        found = await self._cancel(account, [order_id])
        if not found:
            raise OrderNotFound()
        match found[0].decision:
            case CancelDecision.IN_FLIGHT:
                raise AlreadySubmitted(order=found[0].order)
            case CancelDecision.FINISHED:
                raise AlreadyFinished(order=found[0].order)
            case CancelDecision.CANCELLED:
                return found[0].order

    async def cancel_all(
        self,
        account: str,
        time_limit: timedelta,
        *,
        statuses: Collection[Status] = OPEN,
        pair: tuple[str | None, str | None] = (None, None),
    ) -> Cancelled:
        """Cancel all of the account's open orders with one of these statuses that sell, buy or trade these tokens.

        Stops after `time_limit`; the outcome tells whether any orders are left.
        """
        deadline = Deadline.after(time_limit)
        found: list[Cancellation] = []
        before = None
        while deadline.has_time:
            ids = await self.orders.open_ids(account, statuses, pair, before, _AT_ONCE)
            if ids:
                found += await self._cancel(account, ids)
            if len(ids) < _AT_ONCE:
                return Cancelled(found, complete=True)
            before = ids[-1]
        return Cancelled(found, complete=False)

    async def _cancel(self, account: str, ids: Collection[UUID]) -> Sequence[Cancellation]:
        cancellations = await self.orders.cancel(account, ids)
        for cancellation in cancellations:
            if cancellation.is_new:
                log_transition(cancellation.order)
        # Also for a repeat: the process that cancelled the order may have died before it published the event.
        open_or_cancelled = [each.order for each in cancellations if each.decision is not CancelDecision.FINISHED]
        await publish(map(latest_event, open_or_cancelled), self.journal)
        return cancellations
