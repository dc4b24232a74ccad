"""The engine's documents as typed models. Amounts are Decimal in whole tokens, times are aware and in UTC.

A field that the engine does not send (yet) has its default. A `status` is one of Status and an `order_type` one of
OrderType, but both are typed as str, so that those of a newer engine are not an error.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Status(StrEnum):
    """The lifecycle status of an order."""

    RESTING = "resting"
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


class OrderType(StrEnum):
    """When an order is executed."""

    MARKET = "market"
    """Immediately."""
    LIMIT = "limit"
    """Once the market pays its limit price; it is never filled for less."""
    STOP = "stop"
    """Once the market's price has fallen to its stop price."""
    SNIPER = "sniper"
    """Once a venue lists its pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt, an order or a venue's quote failed."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One venue's quote, net of fee and price impact; `error` explains why there is no `amount_out`."""

    venue: str
    amount_out: Decimal | None = None
    price: Decimal | None = None
    """tokenOut per tokenIn."""
    fee_bps: Decimal | None = None
    price_impact_bps: Decimal | None = None
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The chosen venue, and every venue's quote, best first."""

    venue: str
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes(Route):
    """The current quotes for a swap."""

    token_in: str
    token_out: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSample:
    """A market price, tokenOut per tokenIn; `source` is the venue that paid it."""

    price: Decimal
    source: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What can be replaced in a resting order. `trigger_price` is its limit or stop price."""

    amount: Decimal
    trigger_price: Decimal | None = None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about an attempt.

    `triggered_by`, the price that activated the order, is set at the pending after resting. `route` is set from
    building on, `tx_hash` and `min_amount_out` from submitted on, `amount_out` and `executed_price` (tokenOut per
    tokenIn) at confirmed, `error` at failed and expired, before a retry, and when an order rests again because its
    price was gone. An order that was placed with a `min_amount_out` has it before submitted as well.
    """

    triggered_by: PriceSample | None = None
    route: Route | None = None
    tx_hash: str | None = None
    min_amount_out: Decimal | None = None
    amount_out: Decimal | None = None
    executed_price: Decimal | None = None
    error: Failure | None = None
    retry_in_seconds: int | None = None
    cancel_requested: bool = False
    """A cancellation came too late to stop the transaction: the order ends cancelled unless it is filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Facts):
    """One event of an order. Sequences start at 1 and have no gaps.

    `attempt` goes down by one when an order rests again.
    """

    order_id: str
    sequence: int
    status: str
    attempt: int
    at: datetime
    terminal: bool
    terms: Terms | None = None
    """The order's terms from now on; set at resting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Facts):
    """The current state of an order. `events` (oldest first) is filled when a single order is fetched."""

    order_id: str
    client_order_id: str | None = None
    order_type: str
    token_in: str
    token_out: str
    amount: Decimal
    slippage_bps: int
    limit_price: Decimal | None = None
    """Of a limit order, tokenOut per tokenIn."""
    stop_price: Decimal | None = None
    """Of a stop order, tokenOut per tokenIn."""
    expires_at: datetime
    """When the order expires unless it has been signed."""
    created_at: datetime
    updated_at: datetime | None = None
    status: str
    sequence: int
    attempt: int
    terminal: bool
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCancelled:
    """An open order that was not cancelled.

    `code` is already_submitted (it ends cancelled unless it is filled) or already_finished.
    """

    order_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The ids of the orders that were cancelled, and the open orders that were not."""

    cancelled: tuple[str, ...]
    not_cancelled: tuple[NotCancelled, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that can be traded; amounts have at most `decimals` decimal places."""

    symbol: str
    decimals: int
    mint: str
