"""Responses as JSON-ready documents: amounts are strings, times are UTC in milliseconds, names are camelCase."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from order_engine.contracts.facts import facts_document, route_document, sample_document, timestamp
from order_engine.domain.cancellations import CancelDecision, Cancelled
from order_engine.domain.errors import AlreadyFinished, AlreadySubmitted
from order_engine.domain.lifecycle import TERMINAL
from order_engine.domain.money import text
from order_engine.domain.orders import History, Order, OrderEvent, Placement
from order_engine.domain.routes import Route
from order_engine.domain.tokens import TOKENS
from order_engine.domain.triggers import OrderType

_NOT_CANCELLED = {CancelDecision.IN_FLIGHT: AlreadySubmitted, CancelDecision.FINISHED: AlreadyFinished}
# The name of each type's trigger price on the wire.
_PRICES = {OrderType.LIMIT: "limitPrice", OrderType.STOP: "stopPrice"}


def accepted_document(placement: Placement) -> dict[str, Any]:
    """An order as it was when it was accepted, so that a repeated POST gets an identical response."""
    document = order_document(placement.accepted)
    del document["updatedAt"]  # it is createdAt
    return document


def order_document(order: Order) -> dict[str, Any]:
    """The current state of an order, with the facts of its latest event."""
    return {
        **_asked(order),
        "updatedAt": timestamp(order.updated_at),
        "status": order.status,
        "sequence": order.sequence,
        "attempt": order.attempt,
        "terminal": order.terminal,
        **facts_document(replace(order.facts, terms=None)),
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


def cancelled_document(cancelled: Cancelled) -> dict[str, Any]:
    """Which orders were cancelled, and why the others were not."""
    decisions = [(str(each.order.id), each.decision) for each in cancelled.cancellations]
    return {
        "cancelled": [order_id for order_id, decision in decisions if decision is CancelDecision.CANCELLED],
        "notCancelled": [
            {"orderId": order_id, "code": _NOT_CANCELLED[decision].code}
            for order_id, decision in decisions
            if decision in _NOT_CANCELLED
        ],
        "complete": cancelled.complete,
    }


def cancel_after_document(cancel_at: datetime | None) -> dict[str, Any]:
    """When the account's open orders will be cancelled."""
    return {"cancelAt": None if cancel_at is None else timestamp(cancel_at)}


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


def _asked(order: Order) -> dict[str, Any]:
    client_order_id = {"clientOrderId": order.client_order_id} if order.client_order_id else {}
    min_amount_out = {} if order.min_amount_out is None else {"minAmountOut": text(order.min_amount_out)}
    price = {} if order.trigger_price is None else {_PRICES[order.type]: text(order.trigger_price)}
    triggered_by = {"triggeredBy": sample_document(order.triggered_by)} if order.triggered_by else {}
    return {
        "orderId": str(order.id),
        **client_order_id,
        "orderType": order.type,
        "tokenIn": order.token_in,
        "tokenOut": order.token_out,
        "amount": text(order.amount_in),
        "slippageBps": order.slippage_bps,
        **price,
        **min_amount_out,
        **triggered_by,
        "expiresAt": timestamp(order.expires_at),
        "createdAt": timestamp(order.created_at),
    }
