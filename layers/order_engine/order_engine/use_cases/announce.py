"""Publish events that are already committed."""

import asyncio
from collections.abc import Iterable, Sequence

from order_engine.domain.claims import Claim, Decision
from order_engine.domain.errors import DatabaseUnavailable
from order_engine.domain.orders import OrderEvent, first_event, latest_event
from order_engine.observability import logger
from order_engine.use_cases.ports import Journal, Orders

_TIME_LIMIT_SECONDS = 1  # the orders' execution, or a client, waits for this


async def publish(events: Iterable[OrderEvent], journal: Journal) -> None:
    """Publish these now; what takes longer than a second waits for the environment's next invocation."""
    journal.announce(events)
    await journal.drain(asyncio.get_running_loop().time() + _TIME_LIMIT_SECONDS)


async def announce(claims: Sequence[Claim], orders: Orders, journal: Journal) -> None:
    """Publish the histories of the orders that were claimed, will be settled or are finished; clients drop duplicates.

    Clients then get every event in order from one sender, even if earlier senders failed. Best effort: a failure has no
    effect on the orders, and clients that miss an event read it from Postgres.
    """
    earlier = []
    for claim in claims:
        if claim.order is None or claim.decision in (Decision.LEASED, Decision.NOT_YET):
            continue
        if claim.decision is Decision.CLAIMED and claim.order.sequence == 2 and not claim.order.type.rests:
            journal.announce([first_event(claim.order), latest_event(claim.order)])  # without reading them
        else:
            earlier.append(claim.order)
    try:
        async with asyncio.timeout(_TIME_LIMIT_SECONDS):
            events = await orders.events(earlier) if earlier else {}
    except (DatabaseUnavailable, TimeoutError) as error:
        logger.warning("earlier events not published", extra={"orders": len(earlier), "cause": repr(error)})
        return
    for order in earlier:
        journal.announce(events.get(order.id, ()))
