"""The order store."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from order_engine.adapters.postgres.database import Database
from order_engine.domain.orders import Claims, History, NewOrder, Order, OrderEvent, OrderType
from order_engine.domain.statuses import CLAIMS, Status
from order_engine.domain.transactions import Transaction


class OrderStore:
    """Orders in Postgres. Every method raises DatabaseUnavailable when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def place(self, new: NewOrder, watchdog: float) -> tuple[Order, bool]:
        """Store an order with its first event, to be looked at again in `watchdog` seconds.

        Returns the order and True, or the one that was placed before with the same client order id and False.
        """
        rows = await self._database.fetch(
            "orders.place",
            {
                "account": new.account,
                "client_order_id": new.client_order_id,
                "type": new.type,
                "token_in": new.token_in,
                "token_out": new.token_out,
                "amount_in": new.amount_in,
                "slippage_bps": new.slippage_bps,
                "watchdog": watchdog,
            },
        )
        if rows:
            return _order(rows[0]), True
        (row,) = await self._database.fetch(
            "orders.placed_before", {"account": new.account, "client_order_id": new.client_order_id}
        )
        return _order(row), False

    async def look_now(self, order_id: UUID) -> None:
        """Let the next sweep send the order to the queue."""
        await self._database.fetch("orders.look_now", {"id": order_id})

    async def one(self, account: str, order_id: UUID) -> History | None:
        """The account's order with its events; None for an unknown one and for another account's alike."""
        rows = await self._database.fetch("orders.one", {"account": account, "id": order_id})
        return _history(rows[0]) if rows else None

    async def page(self, account: str, status: Status | None, before: UUID | None, limit: int) -> list[Order]:
        """Up to `limit` of the account's orders, newest first, older than the order `before`."""
        rows = await self._database.fetch(
            "orders.page", {"account": account, "status": status, "before": before, "limit": limit}
        )
        return [_order(row) for row in rows]

    async def histories(self, ids: Collection[UUID]) -> list[History]:
        """Orders of any account with their events; unknown ids are left out."""
        rows = await self._database.fetch("orders.histories", {"ids": list(ids)})
        return [_history(row) for row in rows]

    async def claim(self, ids: Collection[UUID], lease: float, max_attempts: int) -> Claims:
        """Start the next attempt for every order that is open, has one left and nobody else at it."""
        claimed, rows = await self._database.fetch_both(
            (
                "orders.claim",
                {
                    "ids": list(ids),
                    "lease": lease,
                    "max_attempts": max_attempts,
                    "from_statuses": list(CLAIMS.keys()),
                    "to_statuses": list(CLAIMS.values()),
                },
            ),
            ("orders.histories", {"ids": list(ids)}),
        )
        mine = {row["id"] for row in claimed}
        histories = [_history(row) for row in rows]
        return Claims(
            claimed=tuple(history for history in histories if history.order.id in mine),
            others=tuple(history for history in histories if history.order.id not in mine),
        )

    async def due(self, watchdog: float, limit: int) -> list[UUID]:
        """Up to `limit` orders whose watchdog time has come, longest overdue first; set `watchdog` seconds ahead."""
        rows = await self._database.fetch("orders.due", {"watchdog": watchdog, "limit": limit})
        return [row["id"] for row in rows]

    async def forget(self, days: float, limit: int) -> int:
        """Delete up to `limit` finished orders placed more than `days` ago, and their events; says how many."""
        return len(await self._database.fetch("orders.forget", {"days": days, "limit": limit}))

    async def ping(self) -> None:
        """Raise DatabaseUnavailable if Postgres does not answer."""
        await self._database.fetch("orders.ping")


def _history(row: DictRow) -> History:
    order = _order(row)
    return History(order, tuple(_event(order, event) for event in row["events"]))


def _order(row: DictRow) -> Order:
    return Order(
        id=row["id"],
        account=row["account"],
        client_order_id=row["client_order_id"],
        type=OrderType(row["type"]),
        token_in=row["token_in"],
        token_out=row["token_out"],
        amount_in=row["amount_in"],
        slippage_bps=row["slippage_bps"],
        status=Status(row["status"]),
        sequence=row["sequence"],
        attempt=row["attempt"],
        transaction=_transaction(row["transaction"]) if row["transaction"] else None,
        details=row["details"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        leased=row["leased"],
    )


def _event(order: Order, event: dict[str, Any]) -> OrderEvent:
    return OrderEvent(
        order_id=order.id,
        account=order.account,
        sequence=event["sequence"],
        status=Status(event["status"]),
        attempt=event["attempt"],
        at=datetime.fromisoformat(event["at"]),
        details=event["details"],
    )


def transaction_document(transaction: Transaction) -> dict[str, Any]:
    """A transaction as it is stored; decimals and times as text once it is JSON."""
    return {name: getattr(transaction, name) for name in Transaction.__slots__}


def _transaction(document: dict[str, Any]) -> Transaction:
    return Transaction(
        **{
            **document,
            "amount_in": Decimal(document["amount_in"]),
            "min_amount_out": Decimal(document["min_amount_out"]),
            "valid_until": datetime.fromisoformat(document["valid_until"]),
        }
    )
