"""What the engine says, typed. Amounts are Decimal in whole tokens, times are aware and in UTC.

A field that the engine does not send (yet) is None. A `status` is a Status; it stays a str, so that a status of a newer
engine is no error.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Status(StrEnum):
    """Where an order is in its life."""

    PENDING = "pending"
    ROUTING = "routing"
    BUILDING = "building"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        """Nothing more will happen to the order."""
        return self in (Status.CONFIRMED, Status.FAILED, Status.CANCELLED, Status.EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt, an order or a venue's quote failed."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One venue's answer, net of fee and price impact; `error` says why there is no `amount_out`."""

    venue: str
    amount_out: Decimal | None = None
    price: Decimal | None = None
    """tokenOut per tokenIn."""
    fee_bps: Decimal | None = None
    price_impact_bps: Decimal | None = None
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The venue that was chosen, and every venue's quote, best first."""

    venue: str
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes(Route):
    """What a swap would pay out now."""

    token_in: str
    token_out: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an attempt: `route` from building on, `tx_hash` and `min_amount_out` from submitted on,
    `amount_out` and `executed_price` (tokenOut per tokenIn) at confirmed, `error` at failed and expired and before a
    retry. An order that asked for a `min_amount_out` has it before submitted, too."""

    route: Route | None = None
    tx_hash: str | None = None
    min_amount_out: Decimal | None = None
    amount_out: Decimal | None = None
    executed_price: Decimal | None = None
    error: Failure | None = None
    retry_in_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Facts):
    """One step of an order. Sequences count from 1 without a gap."""

    order_id: str
    sequence: int
    status: str
    attempt: int
    at: datetime
    terminal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Facts):
    """An order as it stands. `events` (oldest first) is there when a single order was asked for."""

    order_id: str
    client_order_id: str | None = None
    order_type: str
    token_in: str
    token_out: str
    amount: Decimal
    slippage_bps: int
    expires_at: datetime
    """If it is not signed by then."""
    created_at: datetime
    updated_at: datetime | None = None
    status: str
    sequence: int
    attempt: int
    terminal: bool
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that can be traded; amounts are at most as fine as its `decimals`."""

    symbol: str
    decimals: int
    mint: str
