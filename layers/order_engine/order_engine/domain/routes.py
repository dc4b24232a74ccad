"""Quotes and the choice between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from order_engine.domain.errors import AttemptFailed, FinalFailure, NoQuote
from order_engine.domain.money import floor_to, price
from order_engine.domain.tokens import Token

BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Swap:
    """What is to be traded: `amount_in` whole tokens of `token_in` for as much `token_out` as can be had."""

    token_in: Token
    token_out: Token
    amount_in: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """What a venue would pay out now, net of its fee and of the trade's own price impact."""

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
    error: AttemptFailed


@dataclass(frozen=True, slots=True)
class Route:
    """Every venue's answer, best first, and the quote that was chosen."""

    best: Quote
    answers: tuple[Quote | NoQuoteFrom, ...]


def choose(answers: Sequence[Quote | NoQuoteFrom]) -> Route:
    """Route to the quote that pays out most; the first named wins a tie.

    Raises the venues' FinalFailure when all of them say that it cannot be done, NoQuote when another try may help.
    """
    quotes = sorted((answer for answer in answers if isinstance(answer, Quote)), key=lambda quote: -quote.amount_out)
    refusals = [answer for answer in answers if isinstance(answer, NoQuoteFrom)]
    if quotes:
        return Route(quotes[0], (*quotes, *refusals))
    reasons = " ".join(refusal.error.message for refusal in refusals)
    if refusals and all(isinstance(refusal.error, FinalFailure) for refusal in refusals):
        raise type(refusals[0].error)(reasons)
    raise NoQuote(f"No venue gave a quote. {reasons}")
