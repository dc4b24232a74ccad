"""An order and its history."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self
from uuid import UUID

from order_engine.domain.facts import Facts
from order_engine.domain.lifecycle import TERMINAL, Status
from order_engine.domain.routes import Quote, Swap
from order_engine.domain.tokens import TOKENS
from order_engine.domain.transactions import Transaction
from order_engine.domain.triggers import OrderType, Pair, PriceSample, Terms, limit_amount_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long orders live: the default by whether they rest, and the bounds for an order's own expiry."""

    market: timedelta = timedelta(minutes=5)
    resting: timedelta = timedelta(days=7)
    shortest: timedelta = timedelta(seconds=10)
    longest: timedelta = timedelta(days=90)

    def problem_with(self, expires_at: datetime, now: datetime) -> str | None:
        """Why an order placed now cannot expire at `expires_at`, as a message; None if it can."""
        if expires_at < now + self.shortest:
            return f"must be at least {self.shortest.total_seconds():g} seconds in the future"
        if expires_at > now + self.longest:
            return f"must be at most {self.longest / timedelta(days=1):g} days in the future"
        return None


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
    trigger_price: Decimal | None = None
    """The limit or stop price, in tokens out per token in."""
    force: bool = False
    """Place it although its price makes no sense in the current market."""
    triggered_by: PriceSample | None = None
    """The current price, if it activates the order at once."""

    @property
    def pair(self) -> Pair:
        """The pair that the order trades."""
        return Pair(self.token_in, self.token_out)

    @property
    def status(self) -> Status:
        """The order's first status. It is queued for the workers only if it can be claimed in this status."""
        return Status.RESTING if self.type.rests and not self.triggered_by else Status.PENDING

    @property
    def facts(self) -> Facts:
        """The facts of the order's first event. The terms of a resting order can be replaced, so they are kept here."""
        if not self.type.rests:
            return Facts()
        assert self.expires_at
        terms = Terms(self.amount_in, self.trigger_price, self.expires_at)
        return Facts(terms=terms, triggered_by=self.triggered_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The current state of an order. `facts` are those of its latest event; `sequence` is its writes' fencing token."""

    id: UUID
    account: str
    client_order_id: str | None
    type: OrderType
    token_in: str
    token_out: str
    amount_in: Decimal
    slippage_bps: int
    min_amount_out: Decimal | None
    trigger_price: Decimal | None
    expires_at: datetime
    triggered_by: PriceSample | None
    """The price that activated the order, if it has rested."""
    cancel_requested: bool
    """Whether no further attempt may follow."""
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
        """The least that a swap at this quote may pay out: within the slippage, not below its minimum or limit."""
        least = [quote.min_amount_out(self.slippage_bps)]
        if self.min_amount_out is not None:
            least.append(self.min_amount_out)
        if self.type is OrderType.LIMIT and self.trigger_price is not None:
            least.append(limit_amount_out(self.amount_in, self.trigger_price, self.swap.token_out))
        return max(least)

    @property
    def unattempted(self) -> bool:
        """Whether the order is open and no worker has claimed it yet."""
        return self.attempt == 0 and not self.terminal

    @property
    def pair(self) -> Pair:
        """The pair that the order trades."""
        return Pair(self.token_in, self.token_out)

    @property
    def terms(self) -> Terms:
        """What can be replaced while the order rests."""
        return Terms(self.amount_in, self.trigger_price, self.expires_at)

    def with_terms(self, terms: Terms) -> Self:
        """The order with other terms."""
        return replace(self, amount_in=terms.amount_in, trigger_price=terms.trigger_price, expires_at=terms.expires_at)


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
    """The event of a market order's placement."""
    return OrderEvent(order.id, order.account, 1, Status.PENDING, 0, order.created_at, Facts())


@dataclass(frozen=True, slots=True)
class Placement:
    """A stored order, and how it was placed: its first event, and its terms at that time."""

    order: Order
    first: OrderEvent

    @property
    def accepted(self) -> Order:
        """The order as it was when it was placed."""
        order = self.order.with_terms(self.first.facts.terms) if self.first.facts.terms else self.order
        return replace(
            order,
            status=self.first.status,
            sequence=self.first.sequence,
            attempt=self.first.attempt,
            facts=self.first.facts,
            triggered_by=self.first.facts.triggered_by,
            updated_at=self.first.at,
        )

    def is_repeated_by(self, new: NewOrder) -> bool:
        """Whether `new` requests the same as was placed. If it has no expiry, it matches any."""
        placed = self.accepted
        fields = ("type", "token_in", "token_out", "amount_in", "slippage_bps", "min_amount_out", "trigger_price")
        same = all(getattr(placed, field) == getattr(new, field) for field in fields)
        return same and new.expires_at in (None, placed.expires_at)
