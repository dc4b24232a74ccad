"""The order store."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.rows import UNREADABLE, amounts_at, event_of, order_of
from order_engine.contracts.facts import facts_document, sample_document
from order_engine.domain.cancellations import CancelDecision, Cancellation
from order_engine.domain.claims import Claim, Decision
from order_engine.domain.facts import Facts
from order_engine.domain.lifecycle import CANCELLABLE, CLAIMS, LIFECYCLE, RESTING, Status
from order_engine.domain.orders import History, NewOrder, Order, OrderEvent, Placement, latest_event
from order_engine.domain.tokens import TOKENS
from order_engine.domain.triggers import OrderType, Terms
from order_engine.observability import logger

_TYPES = list(OrderType)
_WAITING = [Status.PENDING]
# An order that rests again and again has thousands of events; a WebSocket frame has room for 400.
_MOST_EVENTS, _MOST_ANNOUNCED = 300, 20
_NEWEST = UUID(int=2**128 - 1)


class OrderStore:
    """Orders in Postgres. Every method raises DatabaseUnavailable if Postgres is unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def place(
        self, new: Sequence[NewOrder], *, lifetime: timedelta, watchdog: timedelta
    ) -> dict[UUID, Placement]:
        """Store orders with their first events, all or none; those without an expiry expire after `lifetime`.

        Returns those that were stored; the others were placed before with the same client order id. Raises
        DatabaseUnavailable, which tells whether they may have been stored.
        """
        parameters = {"orders": _new_orders_document(new), "lifetime": lifetime, "watchdog": watchdog}
        rows = await self._database.fetch("orders.place", parameters, prepare=True)
        orders = map(order_of, rows)
        return {order.id: Placement(order, latest_event(order)) for order in orders}

    async def placed_before(self, account: str, client_order_ids: Collection[str]) -> dict[str, Placement]:
        """The account's orders with these client order ids."""
        keys = {"account": account, "client_order_ids": list(client_order_ids)}
        rows = await self._database.fetch("orders.placed_before", keys)
        return {row["client_order_id"]: _placement(row) for row in rows}

    async def mark_due(self, ids: Collection[UUID]) -> None:
        """Have the next sweep queue these orders, unless they have been claimed meanwhile."""
        await self._database.fetch("orders.mark_due", {"ids": list(ids), "waiting": _WAITING})

    async def get(self, account: str, order_id: UUID) -> History | None:
        """The account's order with its newest events; None if it does not exist or belongs to another account."""
        rows = await self._database.fetch("orders.get", {"account": account, "id": order_id, "most": _MOST_EVENTS})
        if not rows:
            return None
        order = order_of(rows[0])
        documents = rows[0]["events"]
        amounts = amounts_at(order, documents)
        return History(order, tuple(event_of(order, *event) for event in zip(documents, amounts, strict=True)))

    async def page(self, account: str, status: Status | None, before: UUID | None, limit: int) -> list[Order]:
        """Up to `limit` of the account's orders, newest first, older than the order `before`."""
        page = {"account": account, "before": before or _NEWEST, "limit": limit}
        if status is None:
            rows = await self._database.fetch("orders.page", page)
        else:
            rows = await self._database.fetch("orders.page_of_status", {**page, "status": status})
        return [order_of(row) for row in rows]

    async def open_ids(
        self,
        account: str,
        statuses: Collection[Status],
        pair: tuple[str | None, str | None],
        before: UUID | None,
        limit: int,
    ) -> list[UUID]:
        """Up to `limit` of the account's orders with one of these statuses, newest first, older than `before`.

        `pair` restricts them to those that sell, buy, or trade these tokens.
        """
        parameters = {
            "account": account,
            "statuses": list(statuses),
            "token_in": pair[0],
            "token_out": pair[1],
            "before": before or _NEWEST,
            "limit": limit,
        }
        return [row["id"] for row in await self._database.fetch("orders.open_ids", parameters)]

    async def cancel(self, account: str, ids: Collection[UUID]) -> list[Cancellation]:
        """Cancel those of the account's orders that can be cancelled; returns the decision about each that exists."""
        parameters = {"account": account, "ids": list(ids), "cancellable": list(CANCELLABLE)}
        rows = await self._database.fetch("orders.cancel", parameters)
        return [Cancellation(order_of(row), CancelDecision(row["decision"]), row["is_new"]) for row in rows]

    async def replace(self, order: Order, terms: Terms) -> Order | None:
        """Give a resting order other terms; None if it has changed since it was read, or has expired."""
        parameters = {
            "id": order.id,
            "account": order.account,
            "sequence": order.sequence,
            "amount_in": terms.amount_in,
            "trigger_price": terms.trigger_price,
            "expires_at": terms.expires_at,
            "details": json.dumps(facts_document(Facts(terms=terms))),
            "resting": list(RESTING),
        }
        rows = await self._database.fetch("orders.replace", parameters)
        return order_of(rows[0]) if rows else None

    async def events(self, orders: Collection[Order]) -> dict[UUID, list[OrderEvent]]:
        """The newest events of these orders, oldest first, except those that this release cannot read."""
        by_id = {order.id: order for order in orders}
        rows = await self._database.fetch("orders.events", {"ids": list(by_id), "most": _MOST_ANNOUNCED})
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
        """Delete up to `limit` orders placed and finished more than `days` ago, with their events; returns how many."""
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
            "resting": list(RESTING),
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
    for document, amount_in in zip(documents, amounts_at(order, documents), strict=True):
        try:
            events.append(event_of(order, document, amount_in))
        except UNREADABLE:
            logger.exception("unreadable event", extra={"order_id": str(order.id)})
    return events


def _new_orders_document(orders: Sequence[NewOrder]) -> str:
    return json.dumps([_new_order_document(order) for order in orders], default=str)


def _new_order_document(order: NewOrder) -> Mapping[str, Any]:
    fields = {name: getattr(order, name) for name in NewOrder.__slots__}
    return {
        **fields,
        "triggered_by": order.triggered_by and sample_document(order.triggered_by),
        "status": order.status,
        "rests": LIFECYCLE[order.status].rests,
        "details": facts_document(order.facts),
    }


def _placement(row: DictRow) -> Placement:
    order = order_of(row)
    return Placement(order, event_of(order, row["first_event"], order.amount_in))
