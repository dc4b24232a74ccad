"""An order and its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from order_engine.domain.facts import Facts
from order_engine.domain.lifecycle import TERMINAL, Status
from order_engine.domain.routes import Quote, Swap
from order_engine.domain.tokens import TOKENS
from order_engine.domain.transactions import Transaction

SHORTEST_LIFETIME = timedelta(seconds=10)  # an attempt takes a few seconds
LONGEST_LIFETIME = timedelta(days=90)


class OrderType(StrEnum):
    """When an order is executed: a market order immediately."""

    MARKET = "market"


# The status of a new order. An order is queued for the workers only if it can be claimed in its status.
INITIAL_STATUS: Mapping[OrderType, Status] = {OrderType.MARKET: Status.PENDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """A requested order. Amounts are in whole tokens, `slippage_bps` in 1/100 of a percent.

    The id is generated before the order is stored, so that it is known even if the outcome of storing is not.
    """

    id: UUID
    account: str
    token_in: str
    token_out: str
    amount_in: Decimal
    slippage_bps: int
    min_amount_out: Decimal | None = None
    """The least that the swap may pay out, whatever the quote; if None, only `slippage_bps` limits it."""
    expires_at: datetime | None = None
    """The order expires if no swap is signed by then; if None, the engine's default lifetime applies."""
    client_order_id: str | None = None
    type: OrderType = OrderType.MARKET


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The current state of an order. `facts` are those of its latest event; `attempt` is its worker's fencing token."""

    id: UUID
    account: str
    client_order_id: str | None
    type: OrderType
    token_in: str
    token_out: str
    amount_in: Decimal
    slippage_bps: int
    min_amount_out: Decimal | None
    expires_at: datetime
    status: Status
    sequence: int
    attempt: int
    transaction: Transaction | None
    facts: Facts
    created_at: datetime
    updated_at: datetime

    @property
    def terminal(self) -> bool:
        """Whether the order is in a final status."""
        return self.status in TERMINAL

    @property
    def swap(self) -> Swap:
        """The swap that the order requests."""
        return Swap(TOKENS[self.token_in], TOKENS[self.token_out], self.amount_in)

    def min_amount_out_for(self, quote: Quote) -> Decimal:
        """The least that a swap at this quote may pay out: within the slippage, and never below the order's minimum."""
        by_slippage = quote.min_amount_out(self.slippage_bps)
        return by_slippage if self.min_amount_out is None else max(by_slippage, self.min_amount_out)

    @property
    def unattempted(self) -> bool:
        """Whether the order is open and no worker has claimed it yet."""
        return self.attempt == 0 and not self.terminal

    def is_repeat_of(self, new: NewOrder) -> bool:
        """Whether `new` requests the same as this order. If it has no expiry, it matches any."""
        asked = (self.type, self.token_in, self.token_out, self.amount_in, self.slippage_bps, self.min_amount_out)
        return asked == (
            new.type,
            new.token_in,
            new.token_out,
            new.amount_in,
            new.slippage_bps,
            new.min_amount_out,
        ) and new.expires_at in (None, self.expires_at)


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One event of an order's history. `sequence` counts from 1 without gaps; `facts` are those known at the time."""

    order_id: UUID
    account: str
    sequence: int
    status: Status
    attempt: int
    at: datetime
    facts: Facts


@dataclass(frozen=True, slots=True)
class History:
    """An order and all its events so far, oldest first."""

    order: Order
    events: tuple[OrderEvent, ...]


def latest_event(order: Order) -> OrderEvent:
    """The event of the order's latest transition."""
    return OrderEvent(
        order.id, order.account, order.sequence, order.status, order.attempt, order.updated_at, order.facts
    )


def first_event(order: Order) -> OrderEvent:
    """The event of the order's placement."""
    status = INITIAL_STATUS[order.type]
    return OrderEvent(order.id, order.account, 1, status, 0, order.created_at, Facts())


def problem_with_expiry(expires_at: datetime, now: datetime) -> str | None:
    """Why an order placed now cannot expire at `expires_at`, as a message; None if it can."""
    if expires_at < now + SHORTEST_LIFETIME:
        return f"must be at least {SHORTEST_LIFETIME.seconds} seconds in the future"
    if expires_at > now + LONGEST_LIFETIME:
        return f"must be at most {LONGEST_LIFETIME.days} days in the future"
    return None
