"""The choice between quotes."""

from decimal import Decimal

import pytest

from order_engine.domain.errors import NoQuote, UnsupportedPair, VenueUnavailable
from order_engine.domain.routes import Quote, Swap, choose
from order_engine.domain.tokens import TOKENS

SWAP = Swap(TOKENS["SOL"], TOKENS["USDC"], Decimal(2))


def a_quote(venue: str, amount_out: str) -> Quote:
    return Quote(venue, SWAP, Decimal(amount_out), Decimal(25), Decimal(0))


def test_the_quote_that_pays_out_most_is_chosen() -> None:
    route = choose([a_quote("raydium", "298"), a_quote("meteora", "299")], {})
    assert route.best.venue == "meteora"
    assert [answer.venue for answer in route.answers] == ["meteora", "raydium"]


def test_the_first_of_two_equal_quotes_is_chosen() -> None:
    assert choose([a_quote("raydium", "298"), a_quote("meteora", "298.000")], {}).best.venue == "raydium"


def test_a_failing_venue_does_not_affect_the_other() -> None:
    route = choose([a_quote("meteora", "1")], {"raydium": VenueUnavailable()})
    assert route.best.venue == "meteora"
    assert [answer.venue for answer in route.answers] == ["meteora", "raydium"]


def test_the_failure_is_final_if_every_venue_refuses() -> None:
    with pytest.raises(UnsupportedPair):
        choose([], {"raydium": UnsupportedPair(), "meteora": UnsupportedPair()})


def test_the_failure_may_be_retried_if_a_venue_was_unavailable() -> None:
    with pytest.raises(NoQuote, match=r"No venue gave a quote\. The venue did not answer\. No venue trades"):
        choose([], {"raydium": VenueUnavailable(), "meteora": UnsupportedPair()})


@pytest.mark.parametrize(("bps", "least"), [(0, "298.123456"), (50, "296.632838"), (10_000, "0")])
def test_the_minimum_after_slippage_is_rounded_down_to_the_tokens_decimals(bps: int, least: str) -> None:
    assert a_quote("raydium", "298.123456").min_amount_out(bps) == Decimal(least)


def test_the_price_is_per_unit_of_token_in() -> None:
    assert a_quote("raydium", "298").price == 149
