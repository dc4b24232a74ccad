"""The journal: every transition of every order is committed to Postgres first, then published to its subscribers."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.rows import transaction_document
from order_engine.batching import Batcher
from order_engine.contracts.facts import facts_document
from order_engine.domain.errors import DatabaseUnavailable, Fenced, QueueUnavailable, StatementRejected
from order_engine.domain.lifecycle import LIFECYCLE, TRANSITIONS
from order_engine.domain.orders import Order, OrderEvent, latest_event
from order_engine.observability import error_fields, logger
from order_engine.observability.orders import log_transition

# The notifier handles a sender's messages one at a time, in about this time each: any sent sooner would wait there.
_LINGER_SECONDS = 0.02
_Key = tuple[UUID, int, int, str]
_Encoded = tuple[Order, str]
_ALLOWED = json.dumps([{"source": source, "target": target} for source, target in TRANSITIONS])


class Publisher(Protocol):
    """Publishes committed events."""

    async def publish(self, events: Sequence[OrderEvent], /) -> None:
        """Publish events, in order. Raises QueueUnavailable."""


class Journal:
    """Group commit of transitions; committed events are published in order, in as few messages as possible.

    An order that will be retried is due for the sweeper `watchdog` after the time of its retry.
    """

    def __init__(self, database: Database, publisher: Publisher, *, watchdog: timedelta) -> None:
        self._database = database
        self._publisher = publisher
        self._watchdog = watchdog
        self._transitions: Batcher[Order, Order] = Batcher(self._commit)
        self._events: Batcher[OrderEvent, None] = Batcher(self._publish, limit=2_000, linger=_LINGER_SECONDS)

    async def record(self, order: Order) -> Order:
        """Commit a transition, given as the resulting order (see domain.transitions); returns it with its time.

        Raises Fenced (the order has changed, or has expired before signing; nothing was written), StatementRejected
        (nothing was written and a retry is useless) and DatabaseUnavailable (unknown whether it was written).
        """
        return await self._transitions.put(order)

    def announce(self, events: Iterable[OrderEvent]) -> None:
        """Publish events that are already committed. Clients drop duplicates."""
        for event in events:
            self._events.put(event)

    async def drain(self, until: float) -> None:
        """Wait until everything recorded is published, but not beyond `until` on the event loop's clock."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._transitions.drain()
                await self._events.drain()

    async def _commit(self, orders: Sequence[Order]) -> Sequence[Order | Exception]:
        texts = [_encoded(order) for order in orders]
        sound = [(order, text) for order, text in zip(orders, texts, strict=True) if isinstance(text, str)]
        results = iter(await self._commit_encoded(sound) if sound else [])
        return [next(results) if isinstance(text, str) else text for text in texts]

    async def _commit_encoded(self, transitions: Sequence[_Encoded]) -> Sequence[Order | Exception]:
        try:
            recorded = await self._write(sorted(transitions, key=_id))
        except StatementRejected as error:
            # Nothing was written. Commit each on its own, so that one bad value does not affect the others.
            return [error] if len(transitions) == 1 else [await self._commit_alone(one) for one in transitions]
        results = [_recorded(order, recorded.get(_key(order))) for order, _ in transitions]
        committed = [order for order in results if isinstance(order, Order)]
        self.announce(map(latest_event, committed))
        for order in committed:
            log_transition(order)
        return results

    async def _commit_alone(self, transition: _Encoded) -> Order | Exception:
        try:
            (result,) = await self._commit_encoded([transition])
        except DatabaseUnavailable as error:
            return error
        return result

    async def _write(self, transitions: Sequence[_Encoded]) -> dict[_Key, datetime]:
        """The times of the accepted transitions. Written in id order, like the locks of claims, to avoid deadlocks."""
        parameters = {
            "ids": [order.id for order, _ in transitions],
            "transitions": f"[{','.join(text for _, text in transitions)}]",
            "allowed": _ALLOWED,
            "watchdog": self._watchdog,
        }
        rows = await self._database.fetch("orders.record", parameters, prepare=True)
        return {(row["id"], row["attempt"], row["sequence"], row["status"]): row["updated_at"] for row in rows}

    async def _publish(self, events: Sequence[OrderEvent]) -> Sequence[None]:
        try:
            await self._publisher.publish(events)
        except QueueUnavailable as error:
            # Push is best effort: Postgres has the events, and clients that resume get them from there.
            for event in events:
                about = {"order_id": str(event.order_id), "sequence": event.sequence}
                logger.warning("not published", extra=about | error_fields(error))
        return [None] * len(events)


def _key(order: Order) -> _Key:
    return order.id, order.attempt, order.sequence, order.status


def _recorded(order: Order, at: datetime | None) -> Order | Fenced:
    return replace(order, updated_at=at) if at else Fenced()


def _id(transition: _Encoded) -> UUID:
    return transition[0].id


def _encoded(order: Order) -> str | Exception:
    """The transition as JSON, or the error if that fails: a venue may have returned invalid values."""
    try:
        return json.dumps(_transition(order), default=str)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        return error


def _transition(order: Order) -> dict[str, object]:
    properties, facts = LIFECYCLE[order.status], order.facts
    return {
        "id": order.id,
        "attempt": order.attempt,
        "sequence": order.sequence,
        "status": order.status,
        "details": facts_document(facts),
        "transaction": order.transaction and transaction_document(order.transaction),
        "amount_out": facts.fill and facts.fill.amount_out,
        "executed_price": facts.fill and facts.fill.executed_price,
        "retry_in": None if facts.retry_in is None else facts.retry_in.total_seconds(),
        "rests": properties.rests,
        "leased": properties.leased,
        "signs": properties.signs,
        "terminal": properties.terminal,
    }
