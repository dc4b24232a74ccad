"""Queue orders that are stored already."""

from collections.abc import Sequence
from uuid import UUID

from order_engine.domain.errors import DatabaseUnavailable
from order_engine.observability import error_fields, logger
from order_engine.use_cases.ports import Orders, Queue


async def enqueue(ids: Sequence[UUID], queue: Queue, orders: Orders) -> None:
    """Queue these orders; the next sweep queues those that the queue does not accept."""
    accepted = set(await queue.send_all(ids)) if ids else set()
    left = [order_id for order_id in ids if order_id not in accepted]
    if not left:
        return
    logger.warning("not queued; left to the sweeper", extra={"order_ids": [str(order_id) for order_id in left]})
    try:
        await orders.mark_due(left)
    except DatabaseUnavailable as error:  # the orders are stored anyway, and their watchdogs are set
        logger.warning("not marked as due", extra=error_fields(error))
