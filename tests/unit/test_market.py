"""The mocked market and its pools."""

from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from order_engine.domain.errors import AmountBelowMinimum, InsufficientLiquidity, UnsupportedPair
from order_engine.domain.routes import Swap
from order_engine.domain.tokens import TOKENS
from order_engine.venues.mock.market import PRICES, Market
from order_engine.venues.mock.pools import BinPool, ConstantProductPool
from order_engine.venues.mock.venues import MockConditions, meteora, raydium

MARKET = Market(seed=7)
CONDITIONS = MockConditions(latency=0, failure_rate=0, random=Random(1))
NOW = 1_800_000_000.0


def swap(token_in: str, token_out: str, amount: str) -> Swap:
    return Swap(TOKENS[token_in], TOKENS[token_out], Decimal(amount))


def test_every_token_has_a_price() -> None:
    assert PRICES.keys() == TOKENS.keys()


def test_the_same_seed_gives_the_same_prices() -> None:
    assert MARKET.reference("SOL", "USDC", NOW) == Market(7).reference("SOL", "USDC", NOW)
    assert MARKET.reference("SOL", "USDC", NOW) != Market(8).reference("SOL", "USDC", NOW)


def test_prices_change_gradually() -> None:
    prices = [MARKET.reference("SOL", "USDC", NOW + second) for second in range(3600)]
    assert max(prices) / min(prices) > 1.005
    assert all(abs(later / earlier - 1) < 0.002 for earlier, later in pairwise(prices))


def test_pool_prices_deviate_by_2_to_5_percent_from_the_reference() -> None:
    spreads = [MARKET.spread("raydium", "SOL", "USDC", NOW + 10 * step) for step in range(1000)]
    assert 0.02 <= min(spreads) < max(spreads) <= 0.05


def test_each_venue_has_the_best_quote_at_times() -> None:
    venues = [raydium(MARKET, CONDITIONS), meteora(MARKET, CONDITIONS)]
    winners = {
        max(venues, key=lambda venue: venue.quote_at(swap("SOL", "USDC", "1"), NOW + 60 * minute).amount_out).name
        for minute in range(120)
    }
    assert winners == {"raydium", "meteora"}


def test_a_constant_product_pool_preserves_its_product() -> None:
    pool = ConstantProductPool(Decimal(1000), Decimal(150_000), Decimal(0))
    out = pool.pay_out(Decimal(10)).amount_out
    assert (1000 + 10) * (150_000 - out) == pytest.approx(Decimal(1000 * 150_000))


def test_a_bin_pool_pays_less_the_more_bins_are_crossed() -> None:
    pool = BinPool(Decimal(150), Decimal(100), bins=10, bin_step_bps=Decimal(10), base_fee_bps=Decimal(20))
    small, large = pool.pay_out(Decimal(1)), pool.pay_out(Decimal(950))
    assert small.amount_out == Decimal(150) * Decimal("0.998")
    assert small.price_impact_bps == 0
    assert large.amount_out / 950 < small.amount_out
    assert large.fee_bps > small.fee_bps
    # Calculated bin by bin: nine whole bins and half of the tenth.
    gross = sum(Decimal(100) * 150 * Decimal("0.999") ** step for step in range(9))
    gross += 50 * 150 * Decimal("0.999") ** 9
    assert large.amount_out == pytest.approx(gross * (1 - large.fee_bps / 10_000))


def test_a_swap_beyond_the_last_bin_is_rejected() -> None:
    pool = BinPool(Decimal(150), Decimal(100), bins=10, bin_step_bps=Decimal(10), base_fee_bps=Decimal(20))
    with pytest.raises(InsufficientLiquidity):
        pool.pay_out(Decimal(1001))


@pytest.mark.parametrize("make", [raydium, meteora])
def test_an_amount_that_would_pay_out_nothing_is_rejected(make: type) -> None:
    with pytest.raises(AmountBelowMinimum):
        make(MARKET, CONDITIONS).quote_at(swap("BONK", "SOL", "0.00001"), NOW)


def test_each_venue_trades_only_its_own_pairs() -> None:
    with pytest.raises(UnsupportedPair):
        raydium(MARKET, CONDITIONS).quote_at(swap("SOL", "MET", "1"), NOW)
    with pytest.raises(UnsupportedPair):
        meteora(MARKET, CONDITIONS).quote_at(swap("RAY", "SOL", "1"), NOW)
