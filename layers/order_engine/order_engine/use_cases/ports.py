"""The interfaces of the adapters that are passed to use cases, for Postgres, SQS, DynamoDB and API Gateway.

Parameters before a `/` are positional-only, so that mypy does not compare their names with an adapter's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from order_engine.domain.cancellations import Cancellation
from order_engine.domain.claims import Claim
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import History, NewOrder, Order, OrderEvent, Placement
from order_engine.domain.pushes import Undelivered
from order_engine.domain.triggers import Crossing, OrderType, Pair, PriceSample, Switches, Terms


class Orders(Protocol):
    """The order store. Every method raises DatabaseUnavailable."""

    async def place(
        self, new: Sequence[NewOrder], /, *, lifetime: timedelta, watchdog: timedelta
    ) -> Mapping[UUID, Placement]:
        """Store orders, all or none; returns those that had not been placed before with the same client order id."""

    async def placed_before(self, account: str, client_order_ids: Collection[str], /) -> Mapping[str, Placement]:
        """The account's orders with these client order ids."""

    async def mark_due(self, ids: Collection[UUID], /) -> None:
        """Have the next sweep queue these orders, unless they have been claimed meanwhile."""

    async def open_ids(
        self,
        account: str,
        statuses: Collection[Status],
        pair: tuple[str | None, str | None],
        before: UUID | None,
        limit: int,
        /,
    ) -> Sequence[UUID]:
        """The account's orders with one of these statuses, newest first, older than `before`."""

    async def cancel(self, account: str, ids: Collection[UUID], /) -> Sequence[Cancellation]:
        """Cancel those of the account's orders that can be cancelled; returns the decision about each that exists."""

    async def replace(self, order: Order, terms: Terms, /) -> Order | None:
        """Give a resting order other terms; None if it has changed since it was read, or has expired."""

    async def get(self, account: str, order_id: UUID, /) -> History | None:
        """The account's order with its events; None if it does not exist or belongs to another account."""

    async def events(self, orders: Collection[Order], /) -> Mapping[UUID, Sequence[OrderEvent]]:
        """The newest events of these orders, oldest first."""

    async def claim(self, ids: Collection[UUID], /, *, lease: timedelta, max_attempts: int) -> Sequence[Claim]:
        """Start the next attempt of every order that can be claimed; the other claims have the reason why it cannot."""

    async def examine(self, ids: Collection[UUID], /, *, max_attempts: int) -> Sequence[Claim]:
        """What `claim` would decide, without claiming."""

    async def due(self, limit: int, /) -> Sequence[UUID]:
        """Orders whose watchdog has expired, because they made no progress in time."""

    async def extend_watch(self, ids: Collection[UUID], /, *, watchdog: timedelta, longest: timedelta) -> None:
        """These were requeued: each is due again after `watchdog`, doubled for every requeueing, up to `longest`."""

    async def purge_finished(self, days: float, limit: int, /) -> int:
        """Delete finished orders that were placed more than `days` ago; returns how many."""


class Journal(Protocol):
    """Records and publishes every transition."""

    async def record(self, order: Order, /) -> Order:
        """Commit the transition that leads to `order`. Raises Fenced, StatementRejected, DatabaseUnavailable."""

    def announce(self, events: Iterable[OrderEvent], /) -> None:
        """Publish events that are already committed."""

    async def drain(self, until: float, /) -> None:
        """Wait until everything recorded is published, but not beyond `until` on the event loop's clock."""


class PriceFeed(Protocol):
    """Current prices."""

    async def samples(self, pairs: Collection[Pair], /) -> Mapping[Pair, PriceSample]:
        """The current price of each pair that has one. Never raises: a venue that fails has no price."""


class Triggers(Protocol):
    """Resting orders and dead man's switches. Every method raises DatabaseUnavailable."""

    async def resting(self) -> Collection[tuple[Pair, OrderType]]:
        """The pairs and types of all resting orders."""

    async def activate(self, crossings: Collection[Crossing], /, *, watchdog: timedelta, limit: int) -> Sequence[Order]:
        """Make up to `limit` orders pending whose prices are reached."""

    async def expire(self, *, limit: int) -> Sequence[Order]:
        """Expire up to `limit` resting orders whose time is over."""

    async def tick(self) -> Switches:
        """The trigger is running; returns the dead man's switches that are set."""

    async def fall_asleep(self) -> None:
        """The trigger is about to end."""

    async def waiting(self) -> bool:
        """Whether any order rests or any switch is set."""

    async def wake(self) -> bool:
        """Whether the trigger is not running and the caller is to start it."""

    async def end_switch(self, account: str, /) -> None:
        """The account's orders are cancelled."""


class Queue(Protocol):
    """The orders queue."""

    async def send(self, order_id: UUID, delay: timedelta = timedelta(), /) -> None:
        """Queue one order for execution, after a delay. Raises QueueUnavailable."""

    async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta(), /) -> Sequence[UUID]:
        """Queue many orders, after a delay; returns those that the queue accepted, possibly none."""


class WakeUps(Protocol):
    """The trigger's queue."""

    async def send(self) -> None:
        """Start the trigger. Raises QueueUnavailable."""


class Confirmations(Protocol):
    """The confirmations queue: orders whose transactions are in flight."""

    async def send(self, order_ids: Sequence[UUID], delay: timedelta, /) -> None:
        """Have the confirmer check these together, after a delay. Raises QueueUnavailable."""


class Connections(Protocol):
    """The subscriptions of connections to topics. Every method raises ConnectionsUnavailable."""

    def add(self, topic: str, connection_id: str, /) -> None:
        """Subscribe a connection to a topic."""

    def remove(self, topic: str, connection_id: str, /) -> None:
        """Unsubscribe a connection from a topic."""

    def listening_to(self, topics: Sequence[str], /) -> dict[str, set[str]]:
        """The subscribed connection ids of each topic that has any."""


class Gateway(Protocol):
    """Posts frames to the connections of the WebSocket API."""

    def post(self, connection_id: str, frame: str, /) -> Undelivered | None:
        """Send one text frame; returns the reason if it was not delivered."""
