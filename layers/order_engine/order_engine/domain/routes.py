"""Quotes and the choice between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from order_engine.domain.errors import AttemptFailed, Failure, FinalFailure, NoQuote, VenueUnavailable
from order_engine.domain.money import floor_to, price
from order_engine.domain.tokens import Token

BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Swap:
    """A trade of `amount_in` whole tokens of `token_in` for as much `token_out` as possible."""

    token_in: Token
    token_out: Token
    amount_in: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """What a venue would pay out now, net of its fee and the trade's price impact."""

    venue: str
    swap: Swap
    amount_out: Decimal
    fee_bps: Decimal
    price_impact_bps: Decimal

    @property
    def price(self) -> Decimal:
        """Tokens out per token in."""
        return price(self.amount_out, self.swap.amount_in)

    def min_amount_out(self, slippage_bps: int) -> Decimal:
        """The least the chain may pay out: `slippage_bps` below the quote, rounded down to the token's decimals."""
        return floor_to(self.amount_out * (BPS - slippage_bps) / BPS, self.swap.token_out)


@dataclass(frozen=True, slots=True)
class NoQuoteFrom:
    """A venue that gave no quote, and why."""

    venue: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class Route:
    """Every venue's answer, best first, and the quote that was chosen."""

    best: Quote
    answers: tuple[Quote | NoQuoteFrom, ...]

    @property
    def complete(self) -> bool:
        """Whether every venue answered."""
        return not any(
            isinstance(answer, NoQuoteFrom) and answer.failure.code == VenueUnavailable.code for answer in self.answers
        )


def choose(quotes: Sequence[Quote], errors: Mapping[str, AttemptFailed]) -> Route:
    """Choose the quote that pays out most; the first one wins a tie. `errors`: why the other venues gave no quote.

    Without any quote, raises a FinalFailure if every venue reported one, else NoQuote: another attempt may succeed.
    """
    if quotes:
        refusals = (NoQuoteFrom(venue, Failure.of(error)) for venue, error in errors.items())
        ranked = sorted(quotes, key=lambda quote: -quote.amount_out)
        return Route(ranked[0], (*ranked, *refusals))
    reasons = " ".join(error.message for error in errors.values())
    if errors and all(isinstance(error, FinalFailure) for error in errors.values()):
        raise type(next(iter(errors.values())))(reasons)
    raise NoQuote(f"No venue gave a quote. {reasons}")
