"""The engine's documents as typed models. Amounts are Decimal in whole tokens, times are aware and in UTC.

A field that the engine does not send (yet) is None. A `status` is one of Status but typed as str, so that a status of a
newer engine is not an error.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Status(StrEnum):
    """The lifecycle status of an order."""

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
class Facts:
    """What is known about an attempt.

    `route` is set from building on, `tx_hash` and `min_amount_out` from submitted on, `amount_out` and `executed_price`
    (tokenOut per tokenIn) at confirmed, `error` at failed and expired and before a retry. An order that was placed with
    a `min_amount_out` has it before submitted as well.
    """

    route: Route | None = None
    tx_hash: str | None = None
    min_amount_out: Decimal | None = None
    amount_out: Decimal | None = None
    executed_price: Decimal | None = None
    error: Failure | None = None
    retry_in_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Facts):
    """One event of an order. Sequences start at 1 and have no gaps."""

    order_id: str
    sequence: int
    status: str
    attempt: int
    at: datetime
    terminal: bool


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
class Token:
    """A token that can be traded; amounts have at most `decimals` decimal places."""

    symbol: str
    decimals: int
    mint: str
