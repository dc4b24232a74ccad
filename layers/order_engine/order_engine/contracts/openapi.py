"""OpenAPI 3.1 of the HTTP API, from the request and view models."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from order_engine.contracts.documents import tokens_document
from order_engine.contracts.examples import (
    ACCEPTED,
    CANCELLED,
    HISTORY,
    ORDER,
    ORDER_ID,
    REPLACED,
    ROUTE,
    Document,
    example_error,
)
from order_engine.contracts.problems import CONTENT_TYPE, problem_document, status_of
from order_engine.contracts.requests import (
    CancelAfter,
    CancelOrders,
    ListOrders,
    PlaceOrder,
    PlaceOrders,
    ReplaceOrder,
    Trade,
)
from order_engine.contracts.views import (
    AcceptedView,
    BatchView,
    CancelAfterView,
    CancelledView,
    GatewayMessageView,
    HealthView,
    HistoryView,
    OrderView,
    PageView,
    ProblemView,
    QuotesView,
    TokensView,
)
from order_engine.domain.errors import (
    AlreadyFinished,
    AlreadySubmitted,
    AmountBelowMinimum,
    BodyTooLarge,
    DatabaseUnavailable,
    EngineError,
    IdempotencyConflict,
    InsufficientLiquidity,
    InvalidJson,
    InvalidRequest,
    NoQuote,
    NotResting,
    OrderNotFound,
    OutcomeUnknown,
    PriceOutOfRange,
    RouteNotFound,
    Unauthenticated,
    UnsupportedMediaType,
    UnsupportedPair,
)

_SCHEMAS: tuple[type[BaseModel], ...] = (
    PlaceOrder,
    PlaceOrders,
    ReplaceOrder,
    CancelAfter,
    AcceptedView,
    BatchView,
    OrderView,
    HistoryView,
    CancelledView,
    CancelAfterView,
    PageView,
    QuotesView,
    TokensView,
    HealthView,
    ProblemView,
    GatewayMessageView,
)
_REF = "#/components/schemas/{model}"

_PARAMETERS: Document = {
    "orderId": ORDER_ID,
    "status": "confirmed",
    "limit": 20,
    "tokenIn": "SOL",
    "tokenOut": "USDC",
    "amount": "2.5",
}
_ORDER_ID: Document = {
    "name": "orderId",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "example": ORDER_ID,
}
# The errors of every request with a body.
_BODY_ERRORS = (Unauthenticated, BodyTooLarge, UnsupportedMediaType, InvalidJson, InvalidRequest)
_PAGE: Document = {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>"}}
# Responses of API Gateway itself, before the engine is reached.
_GATEWAY = {
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request Entity Too Large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Internal Server Error",
    HTTPStatus.SERVICE_UNAVAILABLE: "Service Unavailable",
}


def openapi_document() -> Document:
    """The whole document, JSON-ready."""
    _, schemas = models_json_schema([(model, "validation") for model in _SCHEMAS], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Order Execution Engine",
            "version": "1.0.0",
            "description": "Market, limit, stop and sniper orders, routed to the better of two DEX venues."
            " Statuses are pushed over WebSocket.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"apiKey": []}],
        "tags": [{"name": "orders"}, {"name": "market"}, {"name": "service"}],
        "paths": _paths(),
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer", "description": "Your API key."}},
        },
    }


def _paths() -> Document:
    return {
        "/api/orders/execute": {"post": _place_order()},
        "/api/orders/{orderId}": {
            "get": _operation(
                "getOrder",
                "orders",
                "One order with its events",
                HistoryView,
                Unauthenticated,
                OrderNotFound,
                InvalidRequest,
                DatabaseUnavailable,
                example=HISTORY,
                parameters=[_ORDER_ID],
            ),
            "patch": _operation(
                "replaceOrder",
                "orders",
                "Replace the price, amount or expiry of a resting order",
                OrderView,
                *_BODY_ERRORS,
                OrderNotFound,
                NotResting,
                PriceOutOfRange,
                DatabaseUnavailable,
                example=REPLACED,
                parameters=[_ORDER_ID],
                requestBody=_body(ReplaceOrder, price={"limitPrice": "900"}),
            ),
            "delete": _operation(
                "cancelOrder",
                "orders",
                "Cancel an order; repeating it is harmless",
                OrderView,
                Unauthenticated,
                OrderNotFound,
                AlreadySubmitted,
                AlreadyFinished,
                InvalidRequest,
                DatabaseUnavailable,
                example=CANCELLED,
                parameters=[_ORDER_ID],
            ),
        },
        "/api/orders": {
            "get": _operation(
                "listOrders",
                "orders",
                "A page of your orders, newest first",
                PageView,
                Unauthenticated,
                InvalidRequest,
                DatabaseUnavailable,
                example={"orders": [ORDER], "nextCursor": "AaH8Dcz5eroihkY5wBmFa-yCQ0p9Tz5Q"},
                parameters=_query(ListOrders),
            ),
            "delete": _operation(
                "cancelOrders",
                "orders",
                "Cancel your open orders: all, or those of a status or pair",
                CancelledView,
                Unauthenticated,
                InvalidRequest,
                DatabaseUnavailable,
                example={
                    "cancelled": [ORDER_ID],
                    "notCancelled": [{"orderId": "01a1fc0d-ccf9-7aba-8628-4639c019856c", "code": "already_submitted"}],
                    "complete": True,
                },
                parameters=_query(CancelOrders, status="resting"),
            ),
        },
        "/api/orders/batch": {"post": _place_orders()},
        "/api/orders/cancel-after": {
            "post": _operation(
                "cancelAfter",
                "orders",
                "Have all open orders cancelled unless this is repeated in time",
                CancelAfterView,
                *_BODY_ERRORS,
                DatabaseUnavailable,
                example={"cancelAt": "2026-01-31T12:01:00.000Z"},
                requestBody=_body(CancelAfter, inAMinute={"seconds": 60}, off={"seconds": 0}),
            )
        },
        "/api/quotes": {
            "get": _operation(
                "getQuotes",
                "market",
                "Every venue's quote and the winner",
                QuotesView,
                Unauthenticated,
                InvalidRequest,
                UnsupportedPair,
                AmountBelowMinimum,
                InsufficientLiquidity,
                NoQuote,
                example={"tokenIn": "SOL", "tokenOut": "USDC", "amount": "1", **ROUTE},
                parameters=_query(Trade),
            )
        },
        "/api/tokens": {
            "get": _open("listTokens", "market", "The tokens that can be traded", TokensView, example=tokens_document())
        },
        "/health": {
            "get": _open("health", "service", "Whether requests are answered", HealthView, example={"status": "ok"})
        },
        "/health/ready": {
            "get": _operation(
                "ready",
                "service",
                "Whether orders can be accepted",
                HealthView,
                Unauthenticated,
                DatabaseUnavailable,
                example={"status": "ok"},
            )
        },
        "/openapi.json": {
            "get": _public(
                "openapi",
                "This document",
                {"application/json": {"schema": {"type": "object"}, "example": {"openapi": "3.1.0"}}},
            )
        },
        "/docs": {"get": _public("docs", "This document as a web page (Swagger UI)", _PAGE)},
        "/": {"get": _public("dashboard", "A page to place and watch orders", _PAGE)},
        "/assets/{file}": {"get": _asset()},
    }


def _place_order() -> Document:
    operation = _operation(
        "placeOrder",
        "orders",
        "Place an order",
        AcceptedView,
        *_BODY_ERRORS,
        PriceOutOfRange,
        IdempotencyConflict,
        DatabaseUnavailable,
        OutcomeUnknown,
        example=ACCEPTED,
        parameters=[
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same as clientOrderId: a repeat with the same key does not place another order.",
                "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$"},
                "example": "rebalance-2026-01-31",
            }
        ],
    )
    location = {"Location": {"description": "Where the order can be read.", "schema": {"type": "string"}}}
    more = {
        "headers": location,
        "links": {"getOrder": {"operationId": "getOrder", "parameters": {"orderId": "$response.body#/orderId"}}},
    }
    replayed = {"Idempotent-Replayed": {"schema": {"const": "true"}}}
    operation["responses"]["200"] |= {
        "description": "Placed before with the same key; no other order was placed.",
        **more,
        "headers": {**location, **replayed},
    }
    operation["responses"]["202"] = {**_json("Accepted: it will be executed.", AcceptedView, ACCEPTED), **more}
    sol = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": "1"}
    operation["requestBody"] = _body(
        PlaceOrder,
        buyAbc={"tokenIn": "USDC", "tokenOut": "ABC", "amount": 1000},
        sellSol={**sol, "slippageBps": 100},
        sellSolForAtLeast={**sol, "minAmountOut": "140"},
        stop={"orderType": "stop", **sol, "stopPrice": "50"},
        sniper={"orderType": "sniper", "tokenIn": "USDC", "tokenOut": "MOON", "amount": "100", "slippageBps": 300},
        limit={"orderType": "limit", **sol, "limitPrice": "1000"},
    )
    return operation


def _place_orders() -> Document:
    sol = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": "1"}
    refused = problem_document(example_error(InvalidRequest))
    return _operation(
        "placeOrders",
        "orders",
        "Place up to 100 orders, each on its own",
        BatchView,
        *_BODY_ERRORS,
        DatabaseUnavailable,
        example={"results": [{"order": ACCEPTED, "replayed": False}, {"problem": refused}]},
        requestBody=_body(PlaceOrders, two={"orders": [sol, {"orderType": "limit", **sol, "limitPrice": "1000"}]}),
    )


def _body(model: type[BaseModel], **examples: Document) -> Document:
    values = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {"application/json": {"schema": _ref(model), "examples": values}}}


def _operation(
    name: str,
    tag: str,
    summary: str,
    view: type[BaseModel],
    *errors: type[EngineError],
    example: Document,
    **more: Any,
) -> Document:
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        **more,
        "responses": {"200": _json(summary, view, example), **_problems((*errors, EngineError))},
    }


def _open(
    name: str, tag: str, summary: str, view: type[BaseModel], *errors: type[EngineError], example: Document
) -> Document:
    return _operation(name, tag, summary, view, *errors, example=example, security=[])


def _public(name: str, summary: str, content: Document) -> Document:
    return {
        "operationId": name,
        "tags": ["service"],
        "summary": summary,
        "security": [],
        "responses": {
            "200": {"description": summary, "content": content},
            "304": {"description": "The client's copy is still current (If-None-Match).", "content": {}},
        },
    }


def _asset() -> Document:
    operation = _public(
        "asset",
        "A script or style of that page",
        {
            "text/javascript": {"schema": {"type": "string"}, "example": "// @ts-check"},
            "text/css": {"schema": {"type": "string"}, "example": ":root {}"},
        },
    )
    file = {"name": "file", "in": "path", "required": True, "schema": {"type": "string"}, "example": "main.js"}
    return {**operation, "parameters": [file], "responses": {**operation["responses"], **_problems((RouteNotFound,))}}


def _json(description: str, view: type[BaseModel], example: Document) -> Document:
    return {"description": description, "content": {"application/json": {"schema": _ref(view), "example": example}}}


def _problems(kinds: Iterable[type[EngineError]]) -> Document:
    """The responses for these errors, by status, each with an example of every possible error."""
    responses: Document = {}
    for error in map(example_error, kinds):
        status = status_of(error)
        response = responses.setdefault(str(int(status)), _problem(status))
        examples = response["content"][CONTENT_TYPE]["examples"]
        examples[error.code] = {"summary": error.__doc__, "value": problem_document(error)}
    return responses


def _problem(status: HTTPStatus) -> Document:
    content: Document = {CONTENT_TYPE: {"schema": _ref(ProblemView), "examples": {}}}
    if status in _GATEWAY:
        example = {"message": _GATEWAY[status]}
        content["application/json"] = {"schema": _ref(GatewayMessageView), "example": example}
    return {"description": _title(status), "content": content}


def _title(status: HTTPStatus) -> str:
    """The phrase of RFC 9110, as in Lambda's Python 3.13; older Pythons have older phrases."""
    return {413: "Content Too Large", 422: "Unprocessable Content"}.get(status, status.phrase)


def _query(model: type[BaseModel], **examples: str) -> list[Document]:
    schema = model.model_json_schema(ref_template=_REF)
    definitions = schema.get("$defs", {})
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _inlined(field, definitions),
            **({"example": (_PARAMETERS | examples)[name]} if name in _PARAMETERS else {}),
        }
        for name, field in schema["properties"].items()
    ]


def _inlined(schema: Document, definitions: Document) -> Document:
    """A query parameter's schema, self-contained and without null, which a query cannot express."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    inlined = [definitions[option["$ref"].rsplit("/", 1)[1]] if "$ref" in option else option for option in options]
    return inlined[0] if len(inlined) == 1 else {"anyOf": inlined}


def _ref(model: type[BaseModel]) -> Document:
    return {"$ref": _REF.format(model=model.__name__)}
