"""Requeue orders that made no progress in time."""

from datetime import timedelta

from order_engine.domain.errors import QueueUnavailable
from order_engine.observability.orders import log_requeued
from order_engine.use_cases.ports import Orders, Queue

_AT_ONCE = 500
_LONGEST_WATCH = timedelta(minutes=15)


async def sweep(orders: Orders, queue: Queue, watchdog: timedelta, at_most: int = 10_000) -> int:
    """Queue the orders that are due, the longest overdue first; returns how many were queued.

    The wait until an order is due again doubles each time, so that a lost message delays it little and a deep queue
    causes few duplicates. Orders that could not be queued stay due. Raises DatabaseUnavailable, QueueUnavailable.
    """
    sent = 0
    while sent < at_most and (due := await orders.due(_AT_ONCE)):
        accepted = await queue.send_all(due)
        await orders.extend_watch(accepted, watchdog=watchdog, longest=_LONGEST_WATCH)
        log_requeued(accepted)
        sent += len(accepted)
        if len(accepted) < len(due):
            raise QueueUnavailable(f"The queue accepted {len(accepted)} of {len(due)} orders.")
    return sent
