"""Price samples of several venues, some of which fail."""

from datetime import timedelta
from decimal import Decimal

import pytest

from order_engine.domain.errors import UnsupportedPair, VenueUnavailable
from order_engine.domain.triggers import Pair, PriceSample
from order_engine.use_cases import prices
from order_engine.use_cases.prices import VenuePrices
from tests.integration.doubles import HangingVenue

PAIR = Pair("SOL", "USDC")
UNTRADED = Pair("RAY", "MET")


class PricedVenue(HangingVenue):
    """A venue with this price, or this error."""

    def __init__(self, name: str, price: str | Exception) -> None:
        self.name = name
        self.answer = price

    async def price(self, pair: Pair) -> Decimal:
        if isinstance(self.answer, Exception):
            raise self.answer
        return Decimal(self.answer)


class Clock:
    """The monotonic clock, set by the test."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(prices, "time", clock)
    return clock


async def sample(feed: VenuePrices) -> PriceSample | None:
    return (await feed.samples([PAIR])).get(PAIR)


async def test_the_best_price_is_the_pairs_price() -> None:
    feed = VenuePrices([PricedVenue("a", "149"), PricedVenue("b", "150")], timedelta(seconds=1))
    found = await sample(feed)
    assert found and (found.price, found.source, found.complete) == (Decimal(150), "b", True)


async def test_a_venue_that_does_not_trade_the_pair_is_not_missing() -> None:
    feed = VenuePrices([PricedVenue("a", "149"), PricedVenue("b", UnsupportedPair())], timedelta(seconds=1))
    found = await sample(feed)
    assert found and found.complete


@pytest.mark.parametrize("error", [VenueUnavailable(), ZeroDivisionError()])
async def test_a_failing_venue_makes_the_price_incomplete(error: Exception) -> None:
    feed = VenuePrices([PricedVenue("a", "149"), PricedVenue("b", error)], timedelta(seconds=1))
    found = await sample(feed)
    assert found and (found.price, found.complete) == (Decimal(149), False)


async def test_a_hanging_venue_holds_nobody_up() -> None:
    found = await sample(VenuePrices([PricedVenue("a", "149"), HangingVenue()], timedelta(seconds=0.05)))
    assert found and (found.price, found.complete) == (Decimal(149), False)


async def test_without_any_answer_there_is_no_price() -> None:
    for error in (VenueUnavailable(), UnsupportedPair()):
        assert await sample(VenuePrices([PricedVenue("a", error)], timedelta(seconds=1))) is None


async def test_a_venue_that_has_failed_for_long_no_longer_counts(clock: Clock) -> None:
    failing = PricedVenue("b", VenueUnavailable())
    feed = VenuePrices([PricedVenue("a", "149"), failing], timedelta(seconds=1))
    seen = []
    for _ in range(5):
        found = await sample(feed)
        assert found
        seen.append(found.complete)
        clock.now += 10
    assert seen == [False, False, False, True, True]
    failing.answer = "150"
    assert (await sample(feed)) is not None
    failing.answer = VenueUnavailable()
    found = await sample(feed)
    assert found and not found.complete, "it is a new outage"


async def test_a_venue_that_fails_for_one_pair_only_no_longer_counts_for_it(clock: Clock) -> None:
    class HalfBrokenVenue(PricedVenue):
        async def price(self, pair: Pair) -> Decimal:
            if pair == PAIR:
                raise VenueUnavailable
            if pair == UNTRADED:
                raise UnsupportedPair
            return Decimal(1)

    feed = VenuePrices([PricedVenue("a", "149"), HalfBrokenVenue("b", "")], timedelta(seconds=1))
    seen = []
    for _ in range(5):
        samples = await feed.samples([PAIR, UNTRADED, Pair("JUP", "USDC")])
        seen.append([samples[PAIR].complete, samples[UNTRADED].complete, samples[Pair("JUP", "USDC")].complete])
        clock.now += 10
    assert seen == [[complete, True, True] for complete in (False, False, False, True, True)]


async def test_failures_far_apart_are_not_one_outage(clock: Clock) -> None:
    feed = VenuePrices([PricedVenue("a", "149"), PricedVenue("b", VenueUnavailable())], timedelta(seconds=1))
    for _ in range(3):
        found = await sample(feed)
        assert found and not found.complete
        clock.now += 3_600  # an environment that was not used for an hour
