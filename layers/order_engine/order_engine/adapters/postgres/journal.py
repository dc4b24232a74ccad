"""The journal: every step of every order goes through it, into Postgres first and then out to the listeners."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.rows import transaction_document
from order_engine.batching import Batcher
from order_engine.contracts.facts import facts_document
from order_engine.domain.errors import Fenced, QueueUnavailable, StatementRejected
from order_engine.domain.lifecycle import LIFECYCLE, MOVES
from order_engine.domain.orders import Order, OrderEvent, latest_event
from order_engine.observability import because, logger
from order_engine.observability.steps import recorded

# The notifier takes a sender's messages one after the other, about so long for each: earlier ones would wait there.
_PUBLISH_SECONDS = 0.02
_Key = tuple[UUID, int, int, str]
_MOVES = json.dumps([{"source": source, "target": target} for source, target in MOVES])


class Publisher(Protocol):
    """Where committed events go."""

    async def publish(self, events: Sequence[OrderEvent]) -> None:
        """Send events on, in order. Raises QueueUnavailable."""


class Journal:
    """Group commit of steps; what is committed is published, in order, by as few messages as possible.

    An order that is to be retried is due for the sweeper `watchdog` after its retry's time.
    """

    def __init__(self, database: Database, publisher: Publisher, *, watchdog: timedelta) -> None:
        self._database = database
        self._publisher = publisher
        self._watchdog = watchdog
        self._steps: Batcher[Order, Order] = Batcher(self._commit)
        self._events: Batcher[OrderEvent, None] = Batcher(self._publish, limit=2_000, interval=_PUBLISH_SECONDS)

    async def record(self, order: Order) -> Order:
        """Commit a step, given as the order that it leads to (see domain.transitions), and return it as it now stands.

        Raises Fenced (somebody else moved the order meanwhile, or it was too late to sign; nothing was written),
        StatementRejected (the same, for good) and DatabaseUnavailable (it is not known whether the step was written).
        """
        return await self._steps.put(order)

    def announce(self, events: Iterable[OrderEvent]) -> None:
        """Publish events that are committed already. Clients drop those they have seen."""
        for event in events:
            self._events.put(event)

    async def drain(self) -> None:
        """Wait until everything recorded is published."""
        await self._steps.drain()
        await self._events.drain()

    async def _commit(self, orders: Sequence[Order]) -> Sequence[Order | Exception]:
        try:
            moved = await self._write(orders)
        except StatementRejected as error:
            if len(orders) == 1:
                return [error]
            # Nothing was written: each by itself, so that one bad value costs nobody else anything.
            return [result for order in orders for result in await self._commit([order])]
        results = [_recorded(order, moved.get(_key(order))) for order in orders]
        steps = [order for order in results if isinstance(order, Order)]
        self.announce(map(latest_event, steps))
        for order in steps:
            recorded(order)
        return results

    async def _write(self, orders: Sequence[Order]) -> dict[_Key, datetime]:
        """The times of the steps that hold. Written in id order, as claims lock: no deadlocks."""
        steps = json.dumps([_step(order) for order in sorted(orders, key=lambda order: order.id)], default=str)
        parameters = {"steps": steps, "moves": _MOVES, "watchdog": self._watchdog}
        rows = await self._database.fetch("orders.record", parameters)
        return {(row["id"], row["attempt"], row["sequence"], row["status"]): row["updated_at"] for row in rows}

    async def _publish(self, events: Sequence[OrderEvent]) -> Sequence[None]:
        try:
            await self._publisher.publish(events)
        except QueueUnavailable as error:
            # Push is best effort: Postgres has the events, and clients that resume get them from there.
            for event in events:
                about = {"order_id": str(event.order_id), "sequence": event.sequence}
                logger.warning("not published", extra=about | because(error))
        return [None] * len(events)


def _key(order: Order) -> _Key:
    return order.id, order.attempt, order.sequence, order.status


def _recorded(order: Order, at: datetime | None) -> Order | Fenced:
    return replace(order, updated_at=at) if at else Fenced()


def _step(order: Order) -> dict[str, object]:
    stage, facts = LIFECYCLE[order.status], order.facts
    return {
        "id": order.id,
        "attempt": order.attempt,
        "sequence": order.sequence,
        "status": order.status,
        "details": facts_document(facts),
        "transaction": order.transaction and transaction_document(order.transaction),
        "amount_out": facts.fill and facts.fill.amount_out,
        "executed_price": facts.fill and facts.fill.executed_price,
        "retry_in": None if facts.retry_in is None else facts.retry_in.total_seconds(),  # 0 is a wait, too
        "leased": stage.leased,
        "signs": stage.signs,
        "terminal": stage.terminal,
    }
