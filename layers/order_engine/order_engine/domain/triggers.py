"""When a resting order is activated: a limit and a stop at their price, a sniper when its pair is listed."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Context, Decimal
from enum import StrEnum

from order_engine.domain.errors import AttemptFailed, BelowMinAmountOut, PriceOutOfRange, SlippageExceeded
from order_engine.domain.money import LARGEST_AMOUNT, text
from order_engine.domain.tokens import Token

PRICE_GONE = (BelowMinAmountOut, SlippageExceeded)
"""The failures after which a limit order rests again, because the market no longer pays its price."""

_NONE = Decimal(0)
_UP = Context(prec=60, rounding=ROUND_CEILING)
_SHORTEST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(minutes=1)
_EVENTS_PER_DOUBLING = 30  # ten failed tries
_PAUSE_PER_BPS = timedelta(seconds=1)


class OrderType(StrEnum):
    """When an order is executed."""

    MARKET = "market"
    """Immediately."""
    LIMIT = "limit"
    """Once a token in pays at least the limit price; the fill never pays less."""
    STOP = "stop"
    """Once a token in pays no more than the stop price; then like a market order."""
    SNIPER = "sniper"
    """Once a venue trades the pair; then like a market order."""

    @property
    def rests(self) -> bool:
        """Whether orders of this type wait for the market."""
        return self is not OrderType.MARKET


@dataclass(frozen=True, slots=True)
class Pair:
    """A trading pair, by the tokens' symbols."""

    token_in: str
    token_out: str


@dataclass(frozen=True, slots=True)
class PriceSample:
    """The best price of a pair at one moment: whole tokens out per token in, net of the fee, for a small amount."""

    price: Decimal
    source: str
    """The venue that pays it."""
    at: datetime
    complete: bool = True
    """Whether every venue that trades the pair has answered; if not, another venue may pay more."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What can be replaced in a resting order. `trigger_price` is its limit or stop price; a sniper has none."""

    amount_in: Decimal
    trigger_price: Decimal | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """The terms of a resting order that are to be replaced; None leaves them as they are."""

    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    amount_in: Decimal | None = None
    expires_at: datetime | None = None
    force: bool = False
    """Replace the price although it makes no sense in the current market."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Orders of a pair and type whose trigger prices lie within the range are activated by the sample."""

    pair: Pair
    type: OrderType
    lowest: Decimal
    highest: Decimal
    sample: PriceSample


@dataclass(frozen=True, slots=True)
class Switches:
    """Whether any dead man's switch is set, and the accounts whose time is over."""

    any: bool
    over: tuple[str, ...]


def is_reached(type_: OrderType, trigger_price: Decimal | None, sample: PriceSample) -> bool:
    """Whether the sample activates an order of this type."""
    reached = _reached(type_, sample)
    return reached is not None and reached[0] <= (trigger_price or _NONE) <= reached[1]


def crossing_of(pair: Pair, type_: OrderType, sample: PriceSample) -> Crossing | None:
    """The orders that the sample activates, if any."""
    reached = _reached(type_, sample)
    return Crossing(pair, type_, *reached, sample) if reached else None


def _reached(type_: OrderType, sample: PriceSample) -> tuple[Decimal, Decimal] | None:
    """The lowest and the highest trigger price that the sample reaches.

    An incomplete sample reaches no stop: the price may only seem low, because the best venue did not answer.
    """
    match type_:
        case OrderType.LIMIT:
            return _NONE, sample.price
        case OrderType.STOP if sample.complete:
            return sample.price, LARGEST_AMOUNT
        case OrderType.SNIPER:
            return _NONE, _NONE
        case _:
            return None


def limit_amount_out(amount_in: Decimal, limit_price: Decimal, token_out: Token) -> Decimal:
    """The least that a limit order may be filled for, rounded up to the token's decimals: never below its price."""
    exact = _UP.multiply(amount_in, limit_price)
    return exact.quantize(Decimal(1).scaleb(-token_out.decimals), context=_UP)


def pause_after(error: AttemptFailed, sequence: int) -> timedelta:
    """How long a limit order rests at least after its price was gone: a second per basis point that was missing.

    Without a pause, an order whose size moves the price below its limit would be tried at every tick. The pause grows
    with the number of its events, up to sixteenfold, so that it does not get thousands of them.
    """
    missing_bps = error.missing_bps if isinstance(error, BelowMinAmountOut) else 0
    pause = min(max(_PAUSE_PER_BPS * math.ceil(missing_bps), _SHORTEST_PAUSE), _LONGEST_PAUSE)
    return pause * (1 << min(sequence // _EVENTS_PER_DOUBLING, 4))


def check_price(type_: OrderType, trigger_price: Decimal | None, sample: PriceSample, tolerance_bps: int) -> None:
    """Refuse a price that is probably a mistake, with the market's price. Raises PriceOutOfRange.

    That is a limit price that the market exceeds by more than the tolerance, and a stop price that it has not reached
    from above: a stop is for prices below the market's.
    """
    if trigger_price is None or not sample.complete:
        return
    market = f"the current price of {text(sample.price)} ({sample.source})"
    if type_ is OrderType.LIMIT and sample.price > trigger_price * (1 + Decimal(tolerance_bps) / 10_000):
        raise PriceOutOfRange(
            f"limitPrice {text(trigger_price)} is more than {tolerance_bps / 100:g} % below {market}.", sample.price
        )
    if type_ is OrderType.STOP and sample.price <= trigger_price:
        raise PriceOutOfRange(f"stopPrice {text(trigger_price)} must be below {market}.", sample.price)
