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
    """How an order comes to be executed: a market order at once."""

    MARKET = "market"


# The status that an order is placed in. An order is sent to the workers only if they can claim it as it is.
INITIAL_STATUS: Mapping[OrderType, Status] = {OrderType.MARKET: Status.PENDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order as asked for. Amounts are in whole tokens, `slippage_bps` in 1/100 of a per cent.

    The id is made before the order is stored, so that it can be named even when the outcome of storing is unknown.
    """

    id: UUID
    account: str
    token_in: str
    token_out: str
    amount_in: Decimal
    slippage_bps: int
    min_amount_out: Decimal | None = None
    """The least that a swap may pay out, whatever the quote; None leaves it to `slippage_bps`."""
    expires_at: datetime | None = None
    """What is not signed by then expires; None: after the engine's default."""
    client_order_id: str | None = None
    type: OrderType = OrderType.MARKET


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as it stands. `facts` are those of its latest event, `attempt` the fencing token of its worker."""

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
        """Nothing more will happen to it."""
        return self.status in TERMINAL

    @property
    def swap(self) -> Swap:
        """What it trades."""
        return Swap(TOKENS[self.token_in], TOKENS[self.token_out], self.amount_in)

    def min_amount_out_for(self, quote: Quote) -> Decimal:
        """The least that a swap by this quote may pay out: within the slippage, and never below what was asked for."""
        by_slippage = quote.min_amount_out(self.slippage_bps)
        return by_slippage if self.min_amount_out is None else max(by_slippage, self.min_amount_out)

    @property
    def unattempted(self) -> bool:
        """No worker has had it yet."""
        return self.attempt == 0 and not self.terminal

    def is_repeat_of(self, new: NewOrder) -> bool:
        """Whether `new` asks for just what this order was placed for. Without an expiry it takes the first one's."""
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
    """One step of an order's history. `sequence` counts from 1 without a gap; `facts` are what was known then."""

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
    """The step that brought the order to where it stands."""
    return OrderEvent(
        order.id, order.account, order.sequence, order.status, order.attempt, order.updated_at, order.facts
    )


def first_event(order: Order) -> OrderEvent:
    """The step that placing it was."""
    status = INITIAL_STATUS[order.type]
    return OrderEvent(order.id, order.account, 1, status, 0, order.created_at, Facts())


def problem_with_expiry(expires_at: datetime, now: datetime) -> str | None:
    """Why an order placed now cannot expire at `expires_at`, as a sentence; None when it can."""
    if expires_at < now + SHORTEST_LIFETIME:
        return f"must be at least {SHORTEST_LIFETIME.seconds} seconds in the future"
    if expires_at > now + LONGEST_LIFETIME:
        return f"must be at most {LONGEST_LIFETIME.days} days in the future"
    return None
