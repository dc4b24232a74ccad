"""Current prices, from all venues concurrently."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from order_engine.domain.errors import AttemptFailed, UnsupportedPair
from order_engine.domain.triggers import Pair, PriceSample
from order_engine.use_cases.call_venue import call_venue
from order_engine.venues.protocol import Venue

_PATIENCE_SECONDS = 30


@dataclass(slots=True)
class VenuePrices:
    """Samples the venues' prices. See ports.PriceFeed.

    A venue that fails makes a sample incomplete, because it may pay the best price; one that has failed for 30 seconds
    no longer counts for this pair, so that an outage does not hold up stop orders.
    """

    venues: Sequence[Venue]
    time_limit: timedelta
    _outages: dict[tuple[str, Pair], tuple[float, float]] = field(default_factory=dict)
    """The first and the latest failure of each venue and pair since its last price, on the monotonic clock."""

    async def samples(self, pairs: Collection[Pair]) -> Mapping[Pair, PriceSample]:
        """The best price of each pair that a venue trades and gives a price for."""
        found = await asyncio.gather(*(self._sample(pair) for pair in pairs))
        return {pair: sample for pair, sample in zip(pairs, found, strict=True) if sample}

    async def _sample(self, pair: Pair) -> PriceSample | None:
        prices = await asyncio.gather(*(self._price(venue, pair) for venue in self.venues))
        known = [
            (price, venue.name) for price, venue in zip(prices, self.venues, strict=True) if isinstance(price, Decimal)
        ]
        if not known:
            return None
        price, source = max(known, key=lambda best: best[0])
        return PriceSample(price, source, datetime.now(UTC), complete=not any(map(self._is_missing, prices)))

    async def _price(self, venue: Venue, pair: Pair) -> Decimal | AttemptFailed:
        try:
            price = await call_venue(venue, venue.price(pair), self.time_limit)
        except UnsupportedPair as error:
            return error
        except AttemptFailed as error:
            return UnsupportedPair() if self._is_out((venue.name, pair), time.monotonic()) else error
        self._outages.pop((venue.name, pair), None)
        return price

    def _is_out(self, source: tuple[str, Pair], now: float) -> bool:
        """Whether the venue has failed for so long. Failures that are far apart are not one outage."""
        first, latest = self._outages.get(source, (now, now))
        self._outages[source] = (first if now - latest < _PATIENCE_SECONDS else now, now)
        return now - self._outages[source][0] >= _PATIENCE_SECONDS

    @staticmethod
    def _is_missing(price: Decimal | AttemptFailed) -> bool:
        return isinstance(price, AttemptFailed) and not isinstance(price, UnsupportedPair)
