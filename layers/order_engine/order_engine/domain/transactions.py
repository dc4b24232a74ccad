"""Swaps on the chain: signed before they are sent, valid until a known time, and landing at most once."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from order_engine.domain.errors import RetryableFailure


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed swap. Its signature is known before it is sent, so its status can be looked up whatever happens next.

    Sending it twice is harmless: the chain accepts a signature once. After `valid_until` it can no longer land.
    """

    signature: str
    order_id: str
    venue: str
    token_in: str
    token_out: str
    amount_in: Decimal
    min_amount_out: Decimal
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Fill:
    """A landed swap: the amount paid out in whole tokens, and the price in tokens out per token in."""

    amount_out: Decimal
    executed_price: Decimal


class InFlight(Enum):
    """The transaction may still land."""

    IN_FLIGHT = "in_flight"


@dataclass(frozen=True, slots=True)
class Unfilled:
    """The transaction did not swap anything and never will: it was reverted, or (TransactionExpired) never landed."""

    error: RetryableFailure


# The status of a transaction on the chain.
TransactionStatus = Fill | Unfilled | InFlight
