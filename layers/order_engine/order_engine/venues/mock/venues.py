"""Raydium and Meteora, mocked."""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal
from random import Random
from typing import Protocol

from order_engine.domain.errors import AmountBelowMinimum, UnsupportedPair, VenueUnavailable
from order_engine.domain.money import floor_to
from order_engine.domain.orders import Order
from order_engine.domain.routes import Quote, Swap
from order_engine.domain.transactions import Transaction
from order_engine.domain.triggers import Pair
from order_engine.venues.mock.market import PRICES, Market
from order_engine.venues.mock.pools import BinPool, ConstantProductPool, Payout

_PRICES = Context(prec=10)
_BASE58 = (b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" * 5)[:256]  # maps every byte to a digit


@dataclass(frozen=True, slots=True)
class MockConditions:
    """How the mocks behave: `latency` scales every delay (0 = none); `failure_rate` (0 to 1) of all calls fail."""

    latency: float
    failure_rate: float
    random: Random = field(default_factory=Random)

    async def wait(self, low: float, high: float) -> None:
        """Wait between `low` and `high` seconds, scaled by `latency`."""
        if self.latency:
            await asyncio.sleep(self.random.uniform(low, high) * self.latency)

    def fails(self) -> bool:
        """Whether this call fails, at random."""
        return self.failure_rate > 0 and self.random.random() < self.failure_rate


class Listings(Protocol):
    """The tokens that venues list in the course of time."""

    async def has(self, venue: str, tokens: Collection[str]) -> bool:
        """Whether the venue trades all of these tokens. Raises VenueUnavailable."""


class Pool(Protocol):
    """A pool's state at one moment."""

    @property
    def spot_price(self) -> Decimal:
        """Tokens out per token in for a small amount, net of the fee."""

    def pay_out(self, amount_in: Decimal) -> Payout:
        """What `amount_in` buys."""


@dataclass(frozen=True, slots=True)
class MockVenue:
    """A venue whose pools follow the market's reference price."""

    name: str
    tokens: frozenset[str]
    pool: Callable[[float, float], Pool]  # (price of the pair at this venue, dollars per token in) -> pool
    market: Market
    conditions: MockConditions
    listings: Listings | None = None
    """The tokens that venues have listed; None lists all of them."""

    async def quote(self, swap: Swap) -> Quote:
        """See venues.protocol.Venue."""
        await self.conditions.wait(0.15, 0.25)
        if self.conditions.fails():
            raise VenueUnavailable(f"{self.name} did not answer.")
        await self._check_listed(Pair(swap.token_in.symbol, swap.token_out.symbol))
        return self.quote_at(swap, time.time())

    async def price(self, pair: Pair) -> Decimal:
        """See venues.protocol.Venue. A feed has the prices at hand, so there is no delay."""
        if self.conditions.fails():
            raise VenueUnavailable(f"{self.name} did not answer.")
        await self._check_listed(pair)
        return self.price_at(pair, time.time())

    async def build(self, order: Order, quote: Quote, min_amount_out: Decimal, valid_until: datetime) -> Transaction:
        """See venues.protocol.Venue. The signature is random, but looks like a real one."""
        return Transaction(
            signature=secrets.token_bytes(88).translate(_BASE58).decode(),
            order_id=str(order.id),
            venue=self.name,
            token_in=order.token_in,
            token_out=order.token_out,
            amount_in=order.amount_in,
            min_amount_out=min_amount_out,
            valid_until=valid_until,
        )

    def price_at(self, pair: Pair, at: float) -> Decimal:
        """The price at a time (seconds since 1970), without failure."""
        return _PRICES.plus(self._pool(pair, at).spot_price)

    def quote_at(self, swap: Swap, at: float) -> Quote:
        """The quote at a time (seconds since 1970), without delay or failure."""
        pair = Pair(swap.token_in.symbol, swap.token_out.symbol)
        payout = self._pool(pair, at).pay_out(swap.amount_in)
        amount_out = floor_to(payout.amount_out, swap.token_out)
        if amount_out <= 0:
            raise AmountBelowMinimum(
                f"{self.name} pays out less than the smallest unit of {pair.token_out} for this amount."
            )
        return Quote(self.name, swap, amount_out, payout.fee_bps, payout.price_impact_bps)

    def _pool(self, pair: Pair, at: float) -> Pool:
        names = (pair.token_in, pair.token_out)
        if not self.tokens.issuperset(names):
            raise self._unsupported(pair)
        price = self.market.reference(*names, at) * (1 - self.market.spread(self.name, *names, at))
        return self.pool(price, self.market.reference(pair.token_in, "USDC", at))

    async def _check_listed(self, pair: Pair) -> None:
        if self.listings and not await self.listings.has(self.name, {pair.token_in, pair.token_out}):
            raise self._unsupported(pair)

    def _unsupported(self, pair: Pair) -> UnsupportedPair:
        return UnsupportedPair(f"{self.name} does not trade {pair.token_in} for {pair.token_out}.")


def raydium(market: Market, conditions: MockConditions, listings: Listings | None = None) -> MockVenue:
    """Constant-product pools with 5 million dollars on each side and a fee of 25 bps. All tokens except MET."""

    def pool(price: float, dollars: float) -> Pool:
        reserve_in = Decimal(5_000_000 / dollars)
        return ConstantProductPool(reserve_in, reserve_in * Decimal(price), fee_bps=Decimal(25))

    return MockVenue("raydium", frozenset(PRICES) - {"MET"}, pool, market, conditions, listings)


def meteora(market: Market, conditions: MockConditions, listings: Listings | None = None) -> MockVenue:
    """Bin pools: 200 bins of 50,000 dollars, 10 bps apart, with a fee of at least 20 bps. All tokens except RAY."""

    def pool(price: float, dollars: float) -> Pool:
        bin_size = Decimal(50_000 / dollars)
        return BinPool(Decimal(price), bin_size, bins=200, bin_step_bps=Decimal(10), base_fee_bps=Decimal(20))

    return MockVenue("meteora", frozenset(PRICES) - {"RAY"}, pool, market, conditions, listings)
