"""What use cases ask of the adapters that are passed to them. Postgres, SQS, DynamoDB and API Gateway fulfil these.

Parameters before a `/` are passed by position: mypy does not compare their names with an adapter's.
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
        """Store an order and say True, or give the one placed before with its client order id and say False.

        Raises OutcomeUnknown when it may have been stored.
        """

    async def placed_before(self, account: str, client_order_id: str, /) -> Order | None:
        """The account's order with this client order id."""

    async def mark_due(self, order_id: UUID, /) -> None:
        """Let the next sweep send an order that no worker has had yet."""

    async def get(self, account: str, order_id: UUID, /) -> History | None:
        """The account's order; None for an unknown one and for another account's alike."""

    async def events(self, orders: Collection[Order], /) -> Mapping[UUID, Sequence[OrderEvent]]:
        """All events of these orders, oldest first."""

    async def claim(self, ids: Collection[UUID], /, *, lease: timedelta, max_attempts: int) -> Sequence[Claim]:
        """Start the next attempt of every order that can be claimed, and say for each of the others why it cannot."""

    async def examine(self, ids: Collection[UUID], /, *, max_attempts: int) -> Sequence[Claim]:
        """What a claim would decide, without one."""

    async def due(self, limit: int, /) -> Sequence[UUID]:
        """Orders that have made no progress in the time they were given."""

    async def extend_watch(self, ids: Collection[UUID], /, *, watchdog: timedelta, longest: timedelta) -> None:
        """These were sent: each is due again after `watchdog`, doubled for every time it was, up to `longest`."""

    async def purge_finished(self, days: float, limit: int, /) -> int:
        """Delete finished orders that were placed more than `days` ago, and say how many."""


class Journal(Protocol):
    """Where every step is recorded, and from where it is published."""

    async def record(self, order: Order, /) -> Order:
        """Commit the step that leads to `order`. Raises Fenced, StatementRejected, DatabaseUnavailable."""

    def announce(self, events: Iterable[OrderEvent], /) -> None:
        """Publish events that are committed already."""

    async def drain(self, until: float, /) -> None:
        """Wait until everything recorded is published, but not beyond `until`, by the event loop's clock."""


class Queue(Protocol):
    """The orders queue."""

    async def send(self, order_id: UUID, delay: timedelta = timedelta(), /) -> None:
        """Send one order to be executed, after a delay. Raises QueueUnavailable."""

    async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta(), /) -> Sequence[UUID]:
        """Send many, after a delay; returns those that the queue took, which may be none."""


class Confirmations(Protocol):
    """The confirmations queue: orders whose transactions are in flight."""

    async def send(self, order_ids: Sequence[UUID], delay: timedelta, /) -> None:
        """Have the confirmer look at these after a delay, together. Raises QueueUnavailable."""


class Connections(Protocol):
    """Who listens to which topic. Raises ConnectionsUnavailable."""

    def add(self, topic: str, connection_id: str, /) -> None:
        """Let a connection listen."""

    def remove(self, topic: str, connection_id: str, /) -> None:
        """Let it listen no longer."""

    def listening_to(self, topics: Sequence[str], /) -> dict[str, set[str]]:
        """The connection ids of each topic that has any."""


class Gateway(Protocol):
    """The WebSocket API, as seen from behind."""

    def post(self, connection_id: str, frame: str, /) -> Undelivered | None:
        """Send one text frame; says why if it did not get there."""
