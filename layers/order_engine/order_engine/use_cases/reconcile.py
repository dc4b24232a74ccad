"""The last word on an order that has no attempt left and no worker."""

from order_engine.domain.errors import AttemptFailed, AttemptsExhausted
from order_engine.domain.orders import Order
from order_engine.domain.statuses import Status
from order_engine.domain.transactions import Fill, Landing
from order_engine.domain.transitions import confirmed, failed
from order_engine.use_cases.ports import Journal
from order_engine.venues.protocol import Chain


async def reconcile(order: Order, journal: Journal, chain: Chain) -> Order:
    """Ask the chain about what the last attempt sent, and finish the order: confirmed if that landed, failed if not.

    Raises VenueUnavailable or DatabaseUnavailable when it cannot be said yet, Fenced when a worker is at it after all.
    """
    landing = await _landing(order, chain)
    return await journal.record(confirmed(order, landing) if isinstance(landing, Fill) else failed(order, landing))


async def _landing(order: Order, chain: Chain) -> Landing | AttemptFailed:
    if order.status is Status.SUBMITTED and order.transaction:
        return await chain.landing(order.transaction)
    return AttemptsExhausted()
