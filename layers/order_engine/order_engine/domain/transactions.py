"""A swap on the chain: signed before it is sent, valid until a known time, landing at most once."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from order_engine.domain.errors import RetryableFailure


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed swap. Its signature is known before it is sent, so it can be asked about whatever happens next.

    Sending the same one twice is harmless: the chain takes a signature once. After `valid_until` it can no longer land.
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
    """A landed swap: whole tokens paid out, and tokens out per token in."""

    amount_out: Decimal
    executed_price: Decimal


class InFlight(Enum):
    """The transaction may land."""

    IN_FLIGHT = "in_flight"


@dataclass(frozen=True, slots=True)
class Unfilled:
    """The transaction did not swap anything and never will: it was reverted, or (TransactionExpired) never landed."""

    error: RetryableFailure


# How a transaction stands.
TransactionStatus = Fill | Unfilled | InFlight
