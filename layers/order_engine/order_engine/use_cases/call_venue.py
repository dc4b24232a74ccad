"""Call a venue with a time limit."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from order_engine.domain.errors import AttemptFailed, VenueUnavailable
from order_engine.observability import logger
from order_engine.venues.protocol import Venue

Answer = TypeVar("Answer")


async def call_venue(venue: Venue, answer: Awaitable[Answer], time_limit: timedelta) -> Answer:
    """The venue's answer. Raises only AttemptFailed: VenueUnavailable after `time_limit` or an unexpected error."""
    try:
        async with asyncio.timeout(time_limit.total_seconds()):
            return await answer
    except AttemptFailed:
        raise
    except TimeoutError:
        raise VenueUnavailable(f"{venue.name} did not answer within {time_limit.total_seconds():g} s.") from None
    except Exception as error:
        # An error in one venue's SDK must not keep the other venues from trading.
        logger.exception("venue failed", extra={"venue": venue.name})
        raise VenueUnavailable(f"{venue.name} failed.") from error
