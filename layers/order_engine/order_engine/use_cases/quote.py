"""Ask every venue at once and choose."""

import asyncio
from collections.abc import Sequence

from order_engine.domain.errors import AttemptFailed, VenueUnavailable
from order_engine.domain.routes import NoQuoteFrom, Quote, Route, Swap, choose
from order_engine.observability import logger
from order_engine.venues.protocol import Venue


async def quote(swap: Swap, venues: Sequence[Venue], timeout: float) -> Route:
    """The best route. A venue that fails, or takes more than `timeout` seconds, is left out and says why.

    Raises NoQuote when no venue can now, or a FinalFailure when none ever can.
    """
    return choose(await asyncio.gather(*(_ask(venue, swap, timeout) for venue in venues)))


async def _ask(venue: Venue, swap: Swap, timeout: float) -> Quote | NoQuoteFrom:
    try:
        async with asyncio.timeout(timeout):
            return await venue.quote(swap)
    except AttemptFailed as error:
        return NoQuoteFrom(venue.name, error)
    except TimeoutError:
        return NoQuoteFrom(venue.name, VenueUnavailable(f"{venue.name} did not answer within {timeout:g} s."))
    except Exception:
        # A fault in one venue's SDK must not keep the others from trading.
        logger.exception("venue failed", extra={"venue": venue.name})
        return NoQuoteFrom(venue.name, VenueUnavailable(f"{venue.name} failed."))
