"""Ask every venue at once and choose."""

import asyncio
from collections.abc import Sequence

from order_engine.domain.errors import AttemptFailed
from order_engine.domain.routes import NoQuoteFrom, Quote, Route, Swap, choose
from order_engine.use_cases.ask import ask
from order_engine.venues.protocol import Venue


async def quote(swap: Swap, venues: Sequence[Venue], timeout: float) -> Route:
    """The best route. A venue that fails, or takes more than `timeout` seconds, is left out and says why.

    Raises NoQuote when no venue can now, or a FinalFailure when none ever can.
    """
    return choose(await asyncio.gather(*(_quote_of(venue, swap, timeout) for venue in venues)))


async def _quote_of(venue: Venue, swap: Swap, timeout: float) -> Quote | NoQuoteFrom:
    try:
        return await ask(venue, venue.quote(swap), timeout)
    except AttemptFailed as error:
        return NoQuoteFrom(venue.name, error)
