"""The engine's parts on a real Postgres, with mocked venues, and recorders where AWS would be."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, dict_row

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.domain.errors import QueueUnavailable
from order_engine.domain.orders import History, NewOrder, Order, OrderEvent
from order_engine.use_cases.execute import Executor, Policy
from order_engine.venues.mock.chain import MockChain
from order_engine.venues.mock.market import Market
from order_engine.venues.mock.venues import MockVenue, Weather, meteora, raydium

ACCOUNT = "alice"


def new_order(**changes: Any) -> NewOrder:
    """A market order for 1 SOL in USDC."""
    order: dict[str, Any] = {
        "account": ACCOUNT,
        "token_in": "SOL",
        "token_out": "USDC",
        "amount_in": Decimal(1),
        "slippage_bps": 50,
    }
    return NewOrder(**{**order, **changes})


@dataclass
class Recorder:
    """Stands where the queues are: keeps what was sent, refuses while `down`."""

    events: list[OrderEvent] = field(default_factory=list)
    sent: list[UUID] = field(default_factory=list)
    postponed: dict[UUID, float] = field(default_factory=dict)
    down: bool = False

    async def publish(self, events: Sequence[OrderEvent]) -> None:
        """As StatusQueue.publish."""
        self._check()
        self.events.extend(events)

    async def send(self, order_id: UUID) -> None:
        """As OrdersQueue.send."""
        self._check()
        self.sent.append(order_id)

    async def send_all(self, order_ids: Sequence[UUID]) -> None:
        """As OrdersQueue.send_all."""
        self._check()
        self.sent.extend(order_ids)

    async def postpone(self, order_id: UUID, seconds: float) -> None:
        """As execute.Postpone."""
        self.postponed[order_id] = seconds

    def _check(self) -> None:
        if self.down:
            raise QueueUnavailable()


class Engine:
    """One worker's parts. Several on one database are several workers."""

    def __init__(self, url: str, *, failure_rate: float = 0, seed: int = 7, **policy: Any) -> None:
        defaults = {"max_attempts": 3, "backoff": 1, "lease": 35, "venue_timeout": 2, "transaction_validity": 15}
        self.url = url
        self.database = Database(url)
        self.orders = OrderStore(self.database)
        self.recorder = Recorder()
        self.journal = Journal(self.database, self.recorder)
        weather = Weather(latency=0, failure_rate=failure_rate, random=Random(seed))
        market = Market(seed)
        self.venues: list[MockVenue] = [raydium(market, weather), meteora(market, weather)]
        self.chain = MockChain(self.database, {venue.name: venue for venue in self.venues}, weather)
        self.policy = Policy(**{**defaults, **policy})

    def executor(self, **changes: Any) -> Executor:
        """An executor of these parts, or of others where `changes` name them."""
        parts = {
            "orders": self.orders,
            "journal": self.journal,
            "venues": self.venues,
            "chain": self.chain,
            "policy": self.policy,
        }
        return Executor(**{**parts, **changes})

    async def place(self, count: int = 1, **changes: Any) -> list[Order]:
        """Store orders."""
        return [(await self.orders.place(new_order(**changes), 900))[0] for _ in range(count)]

    async def execute(self, *orders: Order, deadline: float = 20, **changes: Any) -> set[UUID]:
        """Run the orders as one batch."""
        ids = [order.id for order in orders]
        return await self.executor(**changes).execute(ids, deadline, self.recorder.postpone)

    async def history(self, order: Order) -> History:
        """The order as it stands."""
        (history,) = await self.orders.histories([order.id])
        return history

    def fills(self, order: Order) -> int:
        """How often the chain filled the order."""
        return len([row for row in self.ledger(order) if row["outcome"] == "filled"])

    def ledger(self, order: Order) -> list[DictRow]:
        """What the chain knows of the order, oldest first."""
        return self.sql("SELECT * FROM mock_chain.transactions WHERE order_id = %s ORDER BY sent_at", order.id)

    def expire_lease(self, order: Order) -> None:
        """Let time pass for whoever holds the order."""
        self.sql("UPDATE orders SET lease_until = now() - interval '1s' WHERE id = %s RETURNING id", order.id)

    def sql(self, statement: LiteralString, *parameters: object) -> list[DictRow]:
        """Look into the database from outside."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(statement, parameters).fetchall()
