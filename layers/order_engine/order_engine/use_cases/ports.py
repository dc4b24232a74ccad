"""What use cases ask of the adapters that are passed to them. Postgres, SQS, DynamoDB and API Gateway fulfil these."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol
from uuid import UUID

from order_engine.domain.orders import Claims, History, NewOrder, Order, OrderEvent
from order_engine.domain.pushes import Undelivered
from order_engine.domain.transitions import Transition


class Orders(Protocol):
    """The order store. Every method raises DatabaseUnavailable."""

    async def place(self, new: NewOrder, watchdog: float) -> tuple[Order, bool]:
        """Store an order and say True, or give the one placed before with its client order id and say False."""

    async def look_now(self, order_id: UUID) -> None:
        """Let the next sweep send the order to the queue."""

    async def one(self, account: str, order_id: UUID) -> History | None:
        """The account's order; None for an unknown one and for another account's alike."""

    async def histories(self, ids: Collection[UUID]) -> list[History]:
        """Orders of any account; unknown ids are left out."""

    async def claim(self, ids: Collection[UUID], lease: float, max_attempts: int) -> Claims:
        """Start the next attempt of every order that is open, has one left and nobody else at it."""

    async def due(self, watchdog: float, limit: int) -> list[UUID]:
        """Orders whose watchdog time has come; it is set `watchdog` seconds ahead."""

    async def forget(self, days: float, limit: int) -> int:
        """Delete finished orders that were placed more than `days` ago, and say how many."""


class Journal(Protocol):
    """Where every step is recorded, and from where it is published."""

    async def record(self, transition: Transition) -> Order:
        """Commit one step. Raises Fenced, DatabaseUnavailable."""

    def announce(self, events: Iterable[OrderEvent]) -> None:
        """Publish events that are committed already."""

    async def drain(self) -> None:
        """Wait until everything recorded is published."""


class Queue(Protocol):
    """The orders queue. Raises QueueUnavailable."""

    async def send(self, order_id: UUID) -> None:
        """Send one order to be executed."""

    async def send_all(self, order_ids: Sequence[UUID]) -> None:
        """Send many."""


class Connections(Protocol):
    """Who listens to which topic. Raises ConnectionsUnavailable."""

    def add(self, topic: str, connection_id: str) -> None:
        """Let a connection listen."""

    def remove(self, topic: str, connection_id: str) -> None:
        """Let it listen no longer."""

    def listening_to(self, topics: Sequence[str]) -> dict[str, set[str]]:
        """The connection ids of each topic that has any."""


class Gateway(Protocol):
    """The WebSocket API, as seen from behind."""

    def post(self, connection_id: str, frame: str) -> Undelivered | None:
        """Send one text frame; says why if it did not get there."""
