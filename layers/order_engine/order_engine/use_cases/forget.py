"""Forget finished orders that are older than anybody needs, so that the tables stop growing."""

from order_engine.use_cases.ports import Orders

_AT_ONCE = 1_000
_AT_MOST = 20_000


async def forget(orders: Orders, days: float) -> int:
    """Delete finished orders that were placed more than `days` ago, oldest first, and say how many; 0 days keep all.

    At most twenty thousand a call. Their idempotency keys are free again. Raises DatabaseUnavailable.
    """
    forgotten = 0
    while days and forgotten < _AT_MOST:
        deleted = await orders.forget(days, _AT_ONCE)
        forgotten += deleted
        if deleted < _AT_ONCE:
            break
    return forgotten
