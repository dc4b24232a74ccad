"""AsyncAPI 3.0 of the WebSocket API, from the request and view models. The engine is the one that receives messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from order_engine.contracts.examples import (
    ACCEPTED,
    CANCELLED,
    EVENTS,
    HISTORY,
    TERMS,
    TRIGGERED,
    Document,
    example_error,
    example_event,
)
from order_engine.contracts.facts import failure_document
from order_engine.contracts.problems import error_frame
from order_engine.contracts.requests import Cancel, Execute, Ping, Subscribe, Unsubscribe
from order_engine.contracts.views import (
    CancelledFrameView,
    ErrorFrameView,
    EventsView,
    EventView,
    GatewayFrameView,
    PongView,
    SnapshotView,
    SubscribedView,
    UnsubscribedView,
)
from order_engine.domain.errors import (
    AlreadyFinished,
    AlreadySubmitted,
    ConnectionsUnavailable,
    DatabaseUnavailable,
    EngineError,
    Failure,
    IdempotencyConflict,
    InvalidJson,
    InvalidRequest,
    OrderNotFound,
    OutcomeUnknown,
    PriceOutOfRange,
    SlippageExceeded,
)

_REF = "#/components/schemas/{model}"
_ORDER = {"orderId": ACCEPTED["orderId"]}
_ACCOUNT = {"channel": "account"}
_ASKED = {"requestId": "r-1"}
# The errors that an error frame can have.
_ERRORS = (
    InvalidJson,
    InvalidRequest,
    PriceOutOfRange,
    OrderNotFound,
    AlreadySubmitted,
    AlreadyFinished,
    IdempotencyConflict,
    DatabaseUnavailable,
    OutcomeUnknown,
    ConnectionsUnavailable,
    EngineError,
)


@dataclass(frozen=True, slots=True)
class _Message:
    """A kind of message: its model, and examples by name. `answers`: the kinds of frames that may reply to it."""

    summary: str
    model: type[BaseModel]
    examples: Document
    answers: tuple[str, ...] = ()


_REQUESTS = {
    "subscribe": _Message(
        "Subscribe to one order, or to all of the account's. An orderId alone is a subscription too.",
        Subscribe,
        {
            "order": _ORDER,
            "resume": {"action": "subscribe", **_ORDER, "afterSequence": 3, **_ASKED},
            "account": {"action": "subscribe", **_ACCOUNT},
        },
        ("snapshot", "subscribed"),
    ),
    "unsubscribe": _Message(
        "End a subscription.",
        Unsubscribe,
        {"order": {"action": "unsubscribe", **_ORDER}, "account": {"action": "unsubscribe", **_ACCOUNT}},
        ("unsubscribed",),
    ),
    "execute": _Message(
        "Place an order and subscribe to it.",
        Execute,
        {
            "order": {
                "action": "execute",
                "tokenIn": "SOL",
                "tokenOut": "USDC",
                "amount": "1",
                "clientOrderId": "rebalance-2026-01-31",
                **_ASKED,
            },
            "limit": {
                "action": "execute",
                "orderType": "limit",
                "tokenIn": "SOL",
                "tokenOut": "USDC",
                "amount": "1",
                "limitPrice": "150",
            },
        },
        ("snapshot",),
    ),
    "cancel": _Message("Cancel an order.", Cancel, {"order": {"action": "cancel", **_ORDER, **_ASKED}}, ("cancelled",)),
    "ping": _Message("Keep the connection open.", Ping, {"ping": {"action": "ping"}}, ("pong",)),
}
_RETRIED = example_event(3, "pending", error=failure_document(Failure.of(SlippageExceeded())), retryInSeconds=1)
_ANSWERS = {
    "snapshot": _Message(
        "The current state of the order, and its events after afterSequence.",
        SnapshotView,
        {
            "finished": {**HISTORY, "events": EVENTS[3:], "type": "snapshot", **_ASKED},
            "placed": {
                **ACCEPTED,
                "updatedAt": EVENTS[0]["at"],
                "events": EVENTS[:1],
                "type": "snapshot",
                "replayed": False,
            },
        },
    ),
    "subscribed": _Message(
        "The account's events follow.", SubscribedView, {"account": {"type": "subscribed", **_ACCOUNT}}
    ),
    "unsubscribed": _Message(
        "No more events follow.",
        UnsubscribedView,
        {"order": {"type": "unsubscribed", **_ORDER}, "account": {"type": "unsubscribed", **_ACCOUNT}},
    ),
    "cancelled": _Message(
        "The reply to cancel: the cancelled order.",
        CancelledFrameView,
        {"order": {**CANCELLED, "type": "cancelled", **_ASKED}},
    ),
    "pong": _Message("The reply to ping.", PongView, {"pong": {"type": "pong"}}),
    "error": _Message(
        "The message could not be processed. The connection stays open.",
        ErrorFrameView,
        {kind.code: error_frame(example_error(kind), **_ASKED) for kind in _ERRORS},
    ),
    "gatewayError": _Message(
        "Sent by API Gateway itself: the engine did not answer. Send the message again.",
        GatewayFrameView,
        {"failed": {"message": "Internal server error", "connectionId": "Lmn0pqRStuVw=", "requestId": "Aa1Bb2Cc3Dd="}},
    ),
}
_PUSHES = {
    "status": _Message(
        "An event of one order, for its subscribers.",
        EventView,
        {
            "submitted": EVENTS[3],
            "confirmed": EVENTS[4],
            "retried": _RETRIED,
            "resting": example_event(1, "resting", 0, terms=TERMS),
            "triggered": example_event(2, "pending", 0, triggeredBy=TRIGGERED),
        },
    ),
    "events": _Message(
        "Events of any of the account's orders, for subscribers of the account.",
        EventsView,
        {"two": {"type": "events", "events": EVENTS[1:3]}},
    ),
}
_MESSAGES = {**_REQUESTS, **_ANSWERS, **_PUSHES}


def asyncapi_document() -> Document:
    """The whole document, JSON-ready."""
    models = [(message.model, "validation") for message in _MESSAGES.values()]
    _, schemas = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]  # it is a literal
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Order Execution Engine: order stream",
            "version": "1.0.0",
            "description": "Statuses of orders as they happen. Push is best effort: after a reconnect, or when a"
            " sequence is missing, subscribe with afterSequence.",
            "license": {"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {"stream": _channel()},
        "operations": _operations(),
        "components": {
            "schemas": schemas["$defs"],
            "messages": {name: _message(name, message) for name, message in _MESSAGES.items()},
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": "Your API key, in the handshake."}
            },
        },
    }


def _servers() -> Document:
    security = [{"$ref": "#/components/securitySchemes/apiKey"}]
    return {
        "local": {
            "host": "127.0.0.1:3000",
            "pathname": "/api/orders/status",
            "protocol": "ws",
            "description": "The local cloud.",
            "security": security,
        },
        "deployed": {
            "host": "{apiId}.execute-api.{region}.amazonaws.com",
            "pathname": "/live",
            "protocol": "wss",
            "description": "The stack's output WebSocketUrl.",
            "variables": {
                "apiId": {"description": "The WebSocket API's id."},
                "region": {"default": "us-east-1", "description": "The stack's region."},
            },
            "security": security,
        },
    }


def _channel() -> Document:
    protocols = "For browsers, which cannot set headers: 'orders.v1, bearer.KEY'. The engine selects orders.v1."
    return {
        "address": "/",
        "description": "One connection for any number of orders.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _MESSAGES},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {
                    "type": "object",
                    "properties": {
                        "Authorization": {"type": "string", "description": "Bearer KEY"},
                        "Sec-WebSocket-Protocol": {"type": "string", "description": protocols},
                    },
                },
                "bindingVersion": "0.1.0",
            }
        },
    }


def _operations() -> Document:
    channel = {"$ref": "#/channels/stream"}
    receive = {
        name: {
            "action": "receive",
            "channel": channel,
            "summary": message.summary,
            "messages": _refs([name]),
            "reply": {"channel": channel, "messages": _refs([*message.answers, "error", "gatewayError"])},
        }
        for name, message in _REQUESTS.items()
    }
    send = {
        f"push{name.title()}": {
            "action": "send",
            "channel": channel,
            "summary": message.summary,
            "messages": _refs([name]),
        }
        for name, message in _PUSHES.items()
    }
    return {**receive, **send}


def _message(name: str, message: _Message) -> Document:
    return {
        "name": name,
        "summary": message.summary,
        "payload": {"$ref": _REF.format(model=message.model.__name__)},
        "examples": [{"name": example, "payload": payload} for example, payload in message.examples.items()],
    }


def _refs(names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"$ref": f"#/channels/stream/messages/{name}"} for name in names]
