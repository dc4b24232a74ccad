"""The interfaces of the adapters that are passed to use cases, for Postgres, SQS, DynamoDB and API Gateway.

Parameters before a `/` are positional-only, so that mypy does not compare their names with an adapter's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from order_engine.domain.claims import Claim
from order_engine.domain.orders import History, NewOrder, Order, OrderEvent
from order_engine.domain.pushes import Undelivered


class Orders(Protocol):
    """The order store. Every method raises DatabaseUnavailable."""

    async def place(self, new: NewOrder, /, *, lifetime: timedelta, watchdog: timedelta) -> tuple[Order, bool]:
        """Store an order; returns it and True, or the one placed before with the same client order id and False.

        Raises OutcomeUnknown if it may have been stored.
        """

    async def placed_before(self, account: str, client_order_id: str, /) -> Order | None:
        """The account's order with this client order id."""

    async def mark_due(self, order_id: UUID, /) -> None:
        """Have the next sweep queue an order that no worker has claimed yet."""

    async def get(self, account: str, order_id: UUID, /) -> History | None:
        """The account's order with its events; None if it does not exist or belongs to another account."""

    async def events(self, orders: Collection[Order], /) -> Mapping[UUID, Sequence[OrderEvent]]:
        """All events of these orders, oldest first."""

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


class Queue(Protocol):
    """The orders queue."""

    async def send(self, order_id: UUID, delay: timedelta = timedelta(), /) -> None:
        """Queue one order for execution, after a delay. Raises QueueUnavailable."""

    async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta(), /) -> Sequence[UUID]:
        """Queue many orders, after a delay; returns those that the queue accepted, possibly none."""


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
