"""Delete finished orders that are older than anybody needs, so that the tables stop growing."""

from order_engine.use_cases.ports import Orders

_AT_ONCE = 1_000
_AT_MOST = 20_000


async def purge_finished(orders: Orders, days: float) -> int:
    """Delete finished orders that were placed more than `days` ago, oldest first, and say how many; 0 days keep all.

    At most twenty thousand a call. Their idempotency keys are free again. Raises DatabaseUnavailable.
    """
    purged = 0
    while days and purged < _AT_MOST:
        deleted = await orders.purge_finished(days, _AT_ONCE)
        purged += deleted
        if deleted < _AT_ONCE:
            break
    return purged
