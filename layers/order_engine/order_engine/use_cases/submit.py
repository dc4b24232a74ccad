"""Accept an order: store it, then send it to the queue."""

from contextlib import suppress
from dataclasses import dataclass

from order_engine.domain.errors import DatabaseUnavailable, IdempotencyConflict, QueueUnavailable
from order_engine.domain.orders import NewOrder, Order, OrderType
from order_engine.observability import because, logger
from order_engine.observability.steps import accepted
from order_engine.use_cases.ports import Orders, Queue


@dataclass(frozen=True, slots=True)
class Submission:
    """The order, and whether it had been placed before with the same client order id."""

    order: Order
    replayed: bool


async def submit(new: NewOrder, orders: Orders, queue: Queue, watchdog: float) -> Submission:
    """Place an order. Once stored it will be executed, whatever happens to the queue.

    Raises DatabaseUnavailable (nothing is stored, or a repeat with the same client order id finds it) and
    IdempotencyConflict (the client order id stands for a different order).
    """
    order, is_new = await orders.place(new, watchdog)
    if not is_new:
        if not order.is_repeat_of(new):
            raise IdempotencyConflict()
        return Submission(order, replayed=True)
    accepted(order)
    match order.type:  # what happens before routing depends on the type, here and nowhere else
        case OrderType.MARKET:
            await _execute_now(order, orders, queue)
    return Submission(order, replayed=False)


async def _execute_now(order: Order, orders: Orders, queue: Queue) -> None:
    try:
        await queue.send(order.id)
    except QueueUnavailable as error:
        logger.warning("not queued; the sweeper will", extra={"order_id": str(order.id), **because(error)})
        with suppress(DatabaseUnavailable):  # the order is stored all the same, and its watchdog set
            await orders.look_now(order.id)
