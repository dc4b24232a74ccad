"""The order store."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.rows import UNREADABLE, event_of, order_of
from order_engine.domain.claims import Claim, Decision
from order_engine.domain.errors import DatabaseUnavailable, OutcomeUnknown
from order_engine.domain.lifecycle import CLAIMS, Status
from order_engine.domain.orders import INITIAL_STATUS, History, NewOrder, Order, OrderEvent, OrderType
from order_engine.domain.tokens import TOKENS
from order_engine.observability import logger

_TYPES = list(OrderType)


class OrderStore:
    """Orders in Postgres. Every method raises DatabaseUnavailable if Postgres is unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def place(self, new: NewOrder, *, lifetime: timedelta, watchdog: timedelta) -> tuple[Order, bool]:
        """Store an order with its first event; it expires after `lifetime` unless it has its own expiry.

        Returns the order and True, or the one that was placed before with the same client order id and False.
        Raises DatabaseUnavailable (nothing is stored) and OutcomeUnknown (the order may be stored).
        """
        parameters = {"orders": _new_orders_document([new]), "lifetime": lifetime, "watchdog": watchdog}
        try:
            rows = await self._database.fetch("orders.place", parameters, prepare=True)
        except DatabaseUnavailable as error:
            if error.may_have_run:
                raise OutcomeUnknown(new.id) from error
            raise
        if rows:
            return order_of(rows[0]), True
        assert new.client_order_id
        try:
            order = await self.placed_before(new.account, new.client_order_id)
        except DatabaseUnavailable as error:
            raise OutcomeUnknown() from error
        if order is None:  # it has just been deleted, so its key can be used again
            raise OutcomeUnknown()
        return order, False

    async def placed_before(self, account: str, client_order_id: str) -> Order | None:
        """The account's order with this client order id."""
        key = {"account": account, "client_order_id": client_order_id}
        rows = await self._database.fetch("orders.placed_before", key)
        return order_of(rows[0]) if rows else None

    async def mark_due(self, order_id: UUID) -> None:
        """Have the next sweep queue an order that no worker has claimed yet."""
        await self._database.fetch("orders.mark_due", {"id": order_id})

    async def get(self, account: str, order_id: UUID) -> History | None:
        """The account's order with its events; None if it does not exist or belongs to another account."""
        rows = await self._database.fetch("orders.get", {"account": account, "id": order_id})
        if not rows:
            return None
        order = order_of(rows[0])
        return History(order, tuple(event_of(order, event) for event in rows[0]["events"]))

    async def page(self, account: str, status: Status | None, before: UUID | None, limit: int) -> list[Order]:
        """Up to `limit` of the account's orders, newest first, older than the order `before`."""
        page = {"account": account, "before": before or UUID(int=2**128 - 1), "limit": limit}
        if status is None:
            rows = await self._database.fetch("orders.page", page)
        else:
            rows = await self._database.fetch("orders.page_of_status", {**page, "status": status})
        return [order_of(row) for row in rows]

    async def events(self, orders: Collection[Order]) -> dict[UUID, list[OrderEvent]]:
        """The events of these orders, oldest first, except those that this release cannot read."""
        by_id = {order.id: order for order in orders}
        rows = await self._database.fetch("orders.events", {"ids": list(by_id)})
        return {row["order_id"]: _events(by_id[row["order_id"]], row["events"]) for row in rows}

    async def claim(self, ids: Collection[UUID], *, lease: timedelta, max_attempts: int) -> list[Claim]:
        """Start the next attempt of every order that can be claimed; the other claims have the reason why it cannot."""
        return await self._decide(ids, start=True, lease=lease, max_attempts=max_attempts)

    async def examine(self, ids: Collection[UUID], *, max_attempts: int) -> list[Claim]:
        """What `claim` would decide, without claiming."""
        return await self._decide(ids, start=False, lease=timedelta(), max_attempts=max_attempts)

    async def due(self, limit: int) -> list[UUID]:
        """Up to `limit` orders whose watchdog has expired, longest overdue first."""
        rows = await self._database.fetch("orders.due", {"types": _TYPES, "tokens": list(TOKENS), "limit": limit})
        return [row["id"] for row in rows]

    async def extend_watch(self, ids: Collection[UUID], *, watchdog: timedelta, longest: timedelta) -> None:
        """These were requeued: each is due again after `watchdog`, doubled for every requeueing, up to `longest`."""
        parameters = {"ids": list(ids), "watchdog": watchdog, "longest": longest}
        await self._database.fetch("orders.extend_watch", parameters)

    async def purge_finished(self, days: float, limit: int) -> int:
        """Delete up to `limit` finished orders placed more than `days` ago, and their events; returns how many."""
        return len(await self._database.fetch("orders.purge_finished", {"days": days, "limit": limit}))

    async def ping(self) -> None:
        """Raise DatabaseUnavailable if Postgres does not answer."""
        await self._database.fetch("orders.ping")

    async def _decide(self, ids: Collection[UUID], **policy: Any) -> list[Claim]:
        parameters = {
            "ids": list(ids),
            "types": _TYPES,
            "tokens": list(TOKENS),
            "from_statuses": list(CLAIMS.keys()),
            "to_statuses": list(CLAIMS.values()),
            **policy,
        }
        rows = await self._database.fetch("orders.claim", parameters, prepare=True)
        claims = {row["id"]: _claim(row) for row in rows}
        return [claims.get(order_id, Claim(order_id, Decision.UNKNOWN)) for order_id in ids]


def _claim(row: DictRow) -> Claim:
    """A row that cannot be read must not fail the others."""
    decision = Decision(row["decision"])
    if decision is Decision.UNSUPPORTED:
        return Claim(row["id"], decision)
    try:
        return Claim(row["id"], decision, order_of(row), row["back_in"])
    except UNREADABLE:
        logger.exception("unreadable order", extra={"order_id": str(row["id"])})
        return Claim(row["id"], Decision.UNSUPPORTED)


def _events(order: Order, documents: Sequence[dict[str, Any]]) -> list[OrderEvent]:
    events = []
    for document in documents:
        try:
            events.append(event_of(order, document))
        except UNREADABLE:
            logger.exception("unreadable event", extra={"order_id": str(order.id)})
    return events


def _new_orders_document(orders: Sequence[NewOrder]) -> str:
    return json.dumps([_new_order_document(order) for order in orders], default=str)


def _new_order_document(order: NewOrder) -> Mapping[str, Any]:
    fields = {name: getattr(order, name) for name in NewOrder.__slots__}
    return {**fields, "status": INITIAL_STATUS[order.type]}
