"""The journal: every step of every order goes through it, into Postgres first and then out to the listeners."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import transaction_document
from order_engine.batching import Batcher
from order_engine.domain.errors import Fenced, QueueUnavailable
from order_engine.domain.orders import Order, OrderEvent
from order_engine.domain.statuses import MOVES
from order_engine.domain.transitions import Transition
from order_engine.observability import because, logger
from order_engine.observability.steps import recorded

# How long past its backoff a retry may stay unclaimed before the sweeper sends it again.
_PATIENCE_SECONDS = 60
# The notifier takes a sender's messages one after the other, about so long for each: earlier ones would wait there.
_PUBLISH_SECONDS = 0.02
_MOVES = json.dumps([{"source": source, "target": target} for source, target in MOVES])


class Publisher(Protocol):
    """Where committed events go."""

    async def publish(self, events: Sequence[OrderEvent]) -> None:
        """Send events on, in order. Raises QueueUnavailable."""


class Journal:
    """Group commit of transitions; what is committed is published, in order, by as few messages as possible."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher
        self._steps: Batcher[Transition, Order] = Batcher(self._commit)
        self._events: Batcher[OrderEvent, None] = Batcher(self._publish, limit=2_000, interval=_PUBLISH_SECONDS)

    async def record(self, transition: Transition) -> Order:
        """Commit one step and return the order as it now stands.

        Raises Fenced if somebody else moved the order meanwhile (nothing was written), DatabaseUnavailable if it is
        not known whether the step was written.
        """
        return await self._steps.put(transition)

    def announce(self, events: Iterable[OrderEvent]) -> None:
        """Publish events that are committed already. Clients drop those they have seen."""
        for event in events:
            self._events.put(event)

    async def drain(self) -> None:
        """Wait until everything recorded is published."""
        await self._steps.drain()
        await self._events.drain()

    async def _commit(self, transitions: Sequence[Transition]) -> Sequence[Order | Exception]:
        steps = json.dumps([_step(transition) for transition in transitions], default=str)
        rows = await self._database.fetch(
            "orders.record", {"steps": steps, "moves": _MOVES, "patience": _PATIENCE_SECONDS}
        )
        moved = {row["id"]: row["updated_at"] for row in rows}
        orders = [_recorded(transition.order, moved.get(transition.order.id)) for transition in transitions]
        moved_orders = [order for order in orders if isinstance(order, Order)]
        self.announce(map(_event, moved_orders))
        for order in moved_orders:
            recorded(order)
        return orders

    async def _publish(self, events: Sequence[OrderEvent]) -> Sequence[None]:
        try:
            await self._publisher.publish(events)
        except QueueUnavailable as error:
            # Push is best effort: Postgres has the events, and clients that resume get them from there.
            for event in events:
                about = {"order_id": str(event.order_id), "sequence": event.sequence}
                logger.warning("not published", extra=about | because(error))
        return [None] * len(events)


def _recorded(order: Order, at: datetime | None) -> Order | Fenced:
    return replace(order, updated_at=at) if at else Fenced()


def _event(order: Order) -> OrderEvent:
    return OrderEvent(
        order.id, order.account, order.sequence, order.status, order.attempt, order.updated_at, order.details
    )


def _step(transition: Transition) -> dict[str, object]:
    order, fill = transition.order, transition.fill
    return {
        "id": order.id,
        "attempt": order.attempt,
        "sequence": order.sequence,
        "status": order.status,
        "details": order.details,
        "transaction": order.transaction and transaction_document(order.transaction),
        "amount_out": fill and fill.amount_out,
        "executed_price": fill and fill.executed_price,
        "retry_in": transition.retry_in,
    }
