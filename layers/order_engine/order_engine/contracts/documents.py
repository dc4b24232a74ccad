"""Responses as JSON-ready documents: amounts are strings, times are UTC in milliseconds, names are camelCase."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from order_engine.contracts.facts import facts_document, route_document
from order_engine.domain.lifecycle import TERMINAL
from order_engine.domain.money import text
from order_engine.domain.orders import INITIAL_STATUS, History, Order, OrderEvent
from order_engine.domain.routes import Route
from order_engine.domain.tokens import TOKENS


def accepted_document(order: Order) -> dict[str, Any]:
    """An order as it was when it was accepted, so that a repeated POST gets an identical response."""
    status = INITIAL_STATUS[order.type]
    return {**_asked(order), "status": status, "sequence": 1, "attempt": 0, "terminal": status in TERMINAL}


def order_document(order: Order) -> dict[str, Any]:
    """The current state of an order, with the facts of its latest event."""
    return {
        **_asked(order),
        "updatedAt": timestamp(order.updated_at),
        "status": order.status,
        "sequence": order.sequence,
        "attempt": order.attempt,
        "terminal": order.terminal,
        **facts_document(order.facts),
    }


def history_document(history: History, after_sequence: int = 0) -> dict[str, Any]:
    """The current state of an order, with its events after a sequence number."""
    events = [event_document(event) for event in history.events if event.sequence > after_sequence]
    return {**order_document(history.order), "events": events}


def event_document(event: OrderEvent) -> dict[str, Any]:
    """One event of an order, as it is pushed and as it appears in the history."""
    return {
        "type": "status",
        "orderId": str(event.order_id),
        "sequence": event.sequence,
        "status": event.status,
        "attempt": event.attempt,
        "at": timestamp(event.at),
        "terminal": event.status in TERMINAL,
        **facts_document(event.facts),
    }


def page_document(orders: Iterable[Order], next_cursor: str | None) -> dict[str, Any]:
    """A page of orders; `nextCursor` is null on the last one."""
    return {"orders": [order_document(order) for order in orders], "nextCursor": next_cursor}


def quotes_document(route: Route) -> dict[str, Any]:
    """Every venue's quote, best first, and the winner."""
    swap = route.best.swap
    return {
        "tokenIn": swap.token_in.symbol,
        "tokenOut": swap.token_out.symbol,
        "amount": text(swap.amount_in),
        **route_document(route),
    }


def tokens_document() -> dict[str, Any]:
    """The tokens that can be traded."""
    return {
        "tokens": [
            {"symbol": token.symbol, "decimals": token.decimals, "mint": token.mint} for token in TOKENS.values()
        ]
    }


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _asked(order: Order) -> dict[str, Any]:
    client_order_id = {"clientOrderId": order.client_order_id} if order.client_order_id else {}
    min_amount_out = {} if order.min_amount_out is None else {"minAmountOut": text(order.min_amount_out)}
    return {
        "orderId": str(order.id),
        **client_order_id,
        "orderType": order.type,
        "tokenIn": order.token_in,
        "tokenOut": order.token_out,
        "amount": text(order.amount_in),
        "slippageBps": order.slippage_bps,
        **min_amount_out,
        "expiresAt": timestamp(order.expires_at),
        "createdAt": timestamp(order.created_at),
    }
