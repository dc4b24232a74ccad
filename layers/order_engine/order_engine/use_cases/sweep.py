"""Send orders that nobody looked after to the queue again."""

from order_engine.observability.steps import sent_again
from order_engine.use_cases.ports import Orders, Queue

_AT_ONCE = 100
_AT_MOST = 1_000


async def sweep(orders: Orders, queue: Queue, watchdog: float) -> int:
    """Queue the orders whose watchdog time has come, the longest overdue first, and say how many.

    At most a thousand a call; each comes up again after `watchdog` seconds if it makes no progress.
    Raises DatabaseUnavailable, QueueUnavailable.
    """
    sent = 0
    while sent < _AT_MOST and (due := await orders.due(watchdog, _AT_ONCE)):
        await queue.send_all(due)
        sent_again(due)
        sent += len(due)
    return sent
