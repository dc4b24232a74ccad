"""Get quotes from all venues concurrently and choose the best."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from order_engine.domain.errors import AttemptFailed
from order_engine.domain.routes import Quote, Route, Swap, choose
from order_engine.use_cases.call_venue import call_venue
from order_engine.venues.protocol import Venue


async def quote(swap: Swap, venues: Sequence[Venue], time_limit: timedelta) -> Route:
    """The best route. A venue that fails, or takes longer than `time_limit`, is not chosen; the route has its error.

    Raises NoQuote if no venue can give a quote now, or a FinalFailure if none ever can.
    """
    answers = await asyncio.gather(*(_answer_of(venue, swap, time_limit) for venue in venues))
    quotes = [answer for answer in answers if isinstance(answer, Quote)]
    errors = {
        venue.name: answer for venue, answer in zip(venues, answers, strict=True) if isinstance(answer, AttemptFailed)
    }
    return choose(quotes, errors)


async def _answer_of(venue: Venue, swap: Swap, time_limit: timedelta) -> Quote | AttemptFailed:
    try:
        return await call_venue(venue, venue.quote(swap), time_limit)
    except AttemptFailed as error:
        return error
