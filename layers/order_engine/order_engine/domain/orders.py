"""An order and its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from order_engine.domain.routes import Swap
from order_engine.domain.statuses import TERMINAL, Status
from order_engine.domain.tokens import TOKENS
from order_engine.domain.transactions import Transaction


class OrderType(StrEnum):
    """How an order comes to be executed: a market order at once."""

    MARKET = "market"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as asked for. `amount_in` is in whole tokens of `token_in`, `slippage_bps` in 1/100 of a per cent."""

    account: str
    token_in: str
    token_out: str
    amount_in: Decimal
    slippage_bps: int
    client_order_id: str | None = None
    type: OrderType = OrderType.MARKET


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands. `details` are the facts of its latest event, `attempt` the fencing token of its worker."""

    id: UUID
    account: str
    client_order_id: str | None
    type: OrderType
    token_in: str
    token_out: str
    amount_in: Decimal
    slippage_bps: int
    status: Status
    sequence: int
    attempt: int
    transaction: Transaction | None
    details: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    leased: bool = False

    @property
    def terminal(self) -> bool:
        """Nothing more will happen to it."""
        return self.status in TERMINAL

    @property
    def swap(self) -> Swap:
        """What it trades."""
        return Swap(TOKENS[self.token_in], TOKENS[self.token_out], self.amount_in)

    def is_repeat_of(self, new: NewOrder) -> bool:
        """Whether `new` asks for just what this order was placed for."""
        return (self.type, self.token_in, self.token_out, self.amount_in, self.slippage_bps) == (
            new.type,
            new.token_in,
            new.token_out,
            new.amount_in,
            new.slippage_bps,
        )


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One step of an order's history. `sequence` counts from 1 without a gap; `details` are its public facts."""

    order_id: UUID
    account: str
    sequence: int
    status: Status
    attempt: int
    at: datetime
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """An order and all its events so far, oldest first."""

    order: Order
    events: tuple[OrderEvent, ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """A batch of ids: the orders claimed for this worker, and the others. An id in neither is unknown."""

    claimed: tuple[History, ...]
    others: tuple[History, ...]
