"""Delete finished orders past their retention, so that the tables stop growing."""

from order_engine.use_cases.ports import Orders

_AT_ONCE = 1_000
_AT_MOST = 20_000


async def purge_finished(orders: Orders, days: float) -> int:
    """Delete finished orders that were placed more than `days` ago, oldest first; returns how many. 0 days: keep all.

    At most 20,000 per call. Their idempotency keys can be used again. Raises DatabaseUnavailable.
    """
    purged = 0
    while days and purged < _AT_MOST:
        deleted = await orders.purge_finished(days, _AT_ONCE)
        purged += deleted
        if deleted < _AT_ONCE:
            break
    return purged
