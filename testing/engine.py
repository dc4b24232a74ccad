"""The engine's parts on a real Postgres, with mocked venues, and recorders instead of AWS."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, LiteralString, TypedDict, Unpack
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, dict_row

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.postgres.triggers import TriggerStore
from order_engine.domain.claims import Claim
from order_engine.domain.errors import QueueUnavailable
from order_engine.domain.orders import History, Lifetimes, NewOrder, Order, OrderEvent
from order_engine.domain.triggers import Pair, PriceSample
from order_engine.order_ids import new_order_id
from order_engine.use_cases import ports
from order_engine.use_cases.announce import publish
from order_engine.use_cases.cancel import Canceller
from order_engine.use_cases.confirm import Confirmer
from order_engine.use_cases.deadline import Deadline
from order_engine.use_cases.execute import ExecutionLimits, Executor
from order_engine.use_cases.prices import VenuePrices
from order_engine.use_cases.replace import Replacer
from order_engine.use_cases.settle import RetryPolicy, Settler
from order_engine.use_cases.settle_dead_letters import DeadLetterHandler
from order_engine.use_cases.submit import Submitter
from order_engine.use_cases.trigger import Trigger
from order_engine.use_cases.wake import Waker
from order_engine.venues.mock.chain import MockChain
from order_engine.venues.mock.listings import MockListings
from order_engine.venues.mock.market import Market
from order_engine.venues.mock.venues import MockConditions, MockVenue, meteora, raydium
from order_engine.venues.protocol import Chain, Venue

ACCOUNT = "alice"
# As deployed by default.
LIFETIMES = Lifetimes()
LIFETIME = LIFETIMES.market
PRICE_TOLERANCE_BPS = 500
WATCHDOG = timedelta(seconds=20)
RETRIES = RetryPolicy(max_attempts=3, backoff=timedelta(seconds=1))
LIMITS = ExecutionLimits(
    lease=timedelta(seconds=12),
    venue=timedelta(seconds=2),
    transaction_validity=timedelta(seconds=15),
    landing=timedelta(seconds=2),
)
INTERVAL = timedelta(seconds=1)


def new_order(**changes: Any) -> NewOrder:
    """A market order for 1 SOL in USDC."""
    order: dict[str, Any] = {
        "id": new_order_id(),
        "account": ACCOUNT,
        "token_in": "SOL",
        "token_out": "USDC",
        "amount_in": Decimal(1),
        "slippage_bps": 50,
    }
    new = NewOrder(**{**order, **changes})
    if new.type.rests and new.expires_at is None:
        new = replace(new, expires_at=datetime.now(UTC) + LIFETIMES.resting)
    return new


async def placed(orders: OrderStore, new: NewOrder, watchdog: timedelta = WATCHDOG) -> Order:
    """Store an order."""
    return (await orders.place([new], lifetime=LIFETIME, watchdog=watchdog))[new.id].order


@dataclass
class Prices:
    """A feed whose prices are set by the test; a pair without one has no price."""

    known: dict[Pair, PriceSample] = field(default_factory=dict)

    def set(self, price: str, token_in: str = "SOL", token_out: str = "USDC", *, complete: bool = True) -> None:
        """The price from now on, in tokens out per token in."""
        at = datetime.now(UTC).replace(microsecond=0)
        self.known[Pair(token_in, token_out)] = PriceSample(Decimal(price), "raydium", at, complete)

    async def samples(self, pairs: Collection[Pair]) -> Mapping[Pair, PriceSample]:
        """As ports.PriceFeed."""
        return {pair: self.known[pair] for pair in pairs if pair in self.known}


@dataclass
class Recorder:
    """Replaces the queues: keeps what was sent, and raises QueueUnavailable while `down`."""

    events: list[OrderEvent] = field(default_factory=list)
    sent: list[UUID] = field(default_factory=list)
    delays: dict[UUID, timedelta] = field(default_factory=dict)
    handed_over: list[tuple[list[UUID], timedelta]] = field(default_factory=list)
    postponed: dict[UUID, timedelta] = field(default_factory=dict)
    down: bool = False

    async def publish(self, events: Sequence[OrderEvent]) -> None:
        """As StatusQueue.publish."""
        self._check()
        self.events.extend(events)

    async def send(self, order_id: UUID, delay: timedelta = timedelta()) -> None:
        """As OrdersQueue.send."""
        self._check()
        self.sent.append(order_id)
        self.delays[order_id] = delay

    async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> list[UUID]:
        """As OrdersQueue.send_all."""
        taken = [] if self.down else list(order_ids)
        self.sent.extend(taken)
        self.delays |= dict.fromkeys(taken, delay)
        return taken

    async def hand_over(self, order_ids: Sequence[UUID], delay: timedelta) -> None:
        """As ConfirmationsQueue.send."""
        self._check()
        self.handed_over.append((list(order_ids), delay))

    async def postpone(self, order_id: UUID, delay: timedelta) -> None:
        """As execute.Postpone."""
        self.postponed[order_id] = delay

    def _check(self) -> None:
        if self.down:
            raise QueueUnavailable()


@dataclass(frozen=True)
class Confirmations:
    """The recorder as the confirmations queue, whose `send` has another signature than the orders queue's."""

    recorder: Recorder

    async def send(self, order_ids: Sequence[UUID], delay: timedelta) -> None:
        """As ConfirmationsQueue.send."""
        await self.recorder.hand_over(order_ids, delay)


def submitter_of(
    orders: ports.Orders,
    queue: ports.Queue,
    journal: ports.Journal,
    waker: Waker,
    prices: ports.PriceFeed | None = None,
) -> Submitter:
    """A submitter with the deployed defaults."""
    return Submitter(
        orders=orders,
        queue=queue,
        journal=journal,
        prices=prices or Prices(),
        waker=waker,
        lifetimes=LIFETIMES,
        watchdog=WATCHDOG,
        price_tolerance_bps=PRICE_TOLERANCE_BPS,
    )


@dataclass
class WakeUps:
    """Counts how often the trigger was started."""

    sent: int = 0

    async def send(self) -> None:
        """As TriggerQueue.send."""
        self.sent += 1


class Changes(TypedDict, total=False):
    """Replacements for an engine's own parts. `journal` and `chain_limit` are the settler's."""

    store: ports.Orders
    prices: ports.PriceFeed
    journal: ports.Journal
    queue: ports.Queue
    confirmations: ports.Confirmations
    venues: Sequence[Venue]
    chain: Chain
    retries: RetryPolicy
    limits: ExecutionLimits
    chain_limit: timedelta


class Engine:
    """The parts of one worker. Several engines on one database act as several workers."""

    def __init__(
        self,
        url: str,
        *,
        latency: float = 0,
        failure_rate: float = 0,
        seed: int = 7,
        retries: RetryPolicy = RETRIES,
        limits: ExecutionLimits = LIMITS,
    ) -> None:
        self.url = url
        self.database = Database(url)
        self.orders = OrderStore(self.database)
        self.triggers = TriggerStore(self.database)
        self.recorder = Recorder()
        self.wake_ups = WakeUps()
        self.journal = Journal(self.database, self.recorder, watchdog=WATCHDOG)
        conditions = MockConditions(latency=latency, failure_rate=failure_rate, random=Random(seed))
        market, listings = Market(seed), MockListings(self.database)
        self.venues: list[MockVenue] = [
            raydium(market, conditions, listings),
            meteora(market, conditions, listings),
        ]
        self.chain = MockChain(self.database, {venue.name: venue for venue in self.venues}, conditions)
        self.prices: ports.PriceFeed = VenuePrices(self.venues, limits.venue)
        self.retries = retries
        self.limits = limits

    def submitter(self, **changes: Unpack[Changes]) -> Submitter:
        """A submitter of these parts, or of others where `changes` name them."""
        return submitter_of(
            changes.get("store", self.orders),
            changes.get("queue", self.recorder),
            changes.get("journal", self.journal),
            Waker(self.triggers, self.wake_ups),
            changes.get("prices", self.prices),
        )

    def canceller(self) -> Canceller:
        """A canceller of these parts."""
        return Canceller(orders=self.orders, journal=self.journal)

    def replacer(self, **changes: Unpack[Changes]) -> Replacer:
        """A replacer of these parts, or of others where `changes` name them."""
        return Replacer(
            orders=changes.get("store", self.orders),
            journal=changes.get("journal", self.journal),
            prices=changes.get("prices", self.prices),
            lifetimes=LIFETIMES,
            price_tolerance_bps=PRICE_TOLERANCE_BPS,
        )

    def trigger(self, interval: timedelta = timedelta(milliseconds=20), **changes: Unpack[Changes]) -> Trigger:
        """A trigger of these parts, or of others where `changes` name them."""
        return Trigger(
            triggers=self.triggers,
            orders=changes.get("store", self.orders),
            queue=changes.get("queue", self.recorder),
            journal=changes.get("journal", self.journal),
            prices=changes.get("prices", self.prices),
            canceller=self.canceller(),
            interval=interval,
            watchdog=WATCHDOG,
        )

    def settler(self, **changes: Unpack[Changes]) -> Settler:
        """A settler of these parts, or of others where `changes` name them."""
        return Settler(
            journal=changes.get("journal", self.journal),
            chain=changes.get("chain", self.chain),
            waker=Waker(self.triggers, self.wake_ups),
            retries=changes.get("retries", self.retries),
            time_limit=changes.get("chain_limit", self.limits.venue),
        )

    def executor(self, **changes: Unpack[Changes]) -> Executor:
        """An executor of these parts, or of others where `changes` name them."""
        return Executor(
            orders=self.orders,
            journal=self.journal,
            venues=changes.get("venues", self.venues),
            settler=self.settler(**changes),
            confirmations=changes.get("confirmations", Confirmations(self.recorder)),
            limits=changes.get("limits", self.limits),
        )

    def dead_letters(self, **changes: Unpack[Changes]) -> DeadLetterHandler:
        """A dead-letter handler of these parts, or of others where `changes` name them."""
        return DeadLetterHandler(
            orders=self.orders,
            journal=self.journal,
            queue=changes.get("queue", self.recorder),
            confirmations=changes.get("confirmations", Confirmations(self.recorder)),
            settler=self.settler(**changes),
        )

    def confirmer(self, **changes: Unpack[Changes]) -> Confirmer:
        """A confirmer of these parts, or of others where `changes` name them."""
        return Confirmer(
            orders=self.orders,
            journal=self.journal,
            queue=changes.get("queue", self.recorder),
            confirmations=changes.get("confirmations", Confirmations(self.recorder)),
            settler=self.settler(**changes),
            interval=INTERVAL,
        )

    async def place(self, count: int = 1, **changes: Any) -> list[Order]:
        """Store orders."""
        return [await placed(self.orders, new_order(**changes)) for _ in range(count)]

    async def cancel(self, order: Order) -> Order:
        """Cancel the order."""
        return await self.canceller().cancel(order.account, order.id)

    async def tick(self, **changes: Unpack[Changes]) -> int | None:
        """Look at the market once; returns how many orders were activated, None if nothing waits."""
        activated = await self.trigger(**changes).tick(Deadline.after(timedelta(seconds=5)))
        await publish((), self.journal)
        return activated

    async def claim(self, *orders: Order, lease: timedelta = LIMITS.lease) -> list[Claim]:
        """Claim the orders for a worker that then does nothing."""
        return await self.orders.claim(
            [order.id for order in orders], lease=lease, max_attempts=self.retries.max_attempts
        )

    async def execute(
        self, *orders: Order, time_limit: timedelta = timedelta(seconds=20), **changes: Unpack[Changes]
    ) -> set[UUID]:
        """Run the orders as one batch."""
        ids = [order.id for order in orders]
        return await self.executor(**changes).execute(ids, time_limit, self.recorder.postpone)

    async def confirm(
        self, *orders: Order, time_limit: timedelta = timedelta(seconds=20), **changes: Unpack[Changes]
    ) -> None:
        """Have the confirmer check the orders once."""
        await self.confirmer(**changes).confirm([order.id for order in orders], time_limit)

    async def history(self, order: Order) -> History:
        """The order with its events."""
        history = await self.orders.get(order.account, order.id)
        assert history
        return history

    def fills(self, order: Order) -> int:
        """How often the chain filled the order."""
        return len([row for row in self.ledger(order) if row["outcome"] == "filled"])

    def ledger(self, order: Order) -> list[DictRow]:
        """The order's transactions on the chain, oldest first."""
        return self.sql("SELECT * FROM mock_chain.transactions WHERE order_id = %s ORDER BY sent_at", order.id)

    def expire_lease(self, order: Order) -> None:
        """Expire the lease of the worker that holds the order."""
        self.sql("UPDATE orders SET lease_until = now() - interval '1s' WHERE id = %s RETURNING id", order.id)

    def end_backoff(self, order: Order) -> None:
        """End the wait before the order's next attempt."""
        self.sql("UPDATE orders SET not_before = now() WHERE id = %s RETURNING id", order.id)

    def outdate_transaction(self, order: Order) -> None:
        """Expire the order's transaction, so that it can no longer land."""
        self.sql(
            "UPDATE orders SET transaction ="
            " jsonb_set(transaction::jsonb, '{valid_until}', '\"2020-01-01T00:00:00+00:00\"')::json"
            " WHERE id = %s RETURNING id",
            order.id,
        )

    def expire(self, order: Order) -> None:
        """Expire the order."""
        self.sql("UPDATE orders SET expires_at = now() - interval '1s' WHERE id = %s RETURNING id", order.id)

    def sql(self, statement: LiteralString, *parameters: object) -> list[DictRow]:
        """Run a statement on a connection of its own."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(statement, parameters).fetchall()
