"""OpenAPI 3.1 of the HTTP API, from the request and view models."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from order_engine.contracts.problems import CONTENT_TYPE
from order_engine.contracts.requests import ListOrders, PlaceOrder, Trade
from order_engine.contracts.views import (
    AcceptedView,
    GatewayMessageView,
    HealthView,
    HistoryView,
    PageView,
    ProblemView,
    QuotesView,
    TokensView,
)

Document = dict[str, Any]

_SCHEMAS: tuple[type[BaseModel], ...] = (
    PlaceOrder,
    AcceptedView,
    HistoryView,
    PageView,
    QuotesView,
    TokensView,
    HealthView,
    ProblemView,
    GatewayMessageView,
)
_REF = "#/components/schemas/{model}"


def openapi_document() -> Document:
    """The whole document, JSON-ready."""
    _, schemas = models_json_schema([(model, "validation") for model in _SCHEMAS], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Order Execution Engine",
            "version": "1.0.0",
            "description": "Market orders, routed to the better of two DEX venues. Statuses are pushed over WebSocket.",
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
        "/api/orders": {
            "get": _operation(
                "listOrders",
                "orders",
                "A page of your orders, newest first",
                PageView,
                401,
                422,
                503,
                parameters=_query(ListOrders),
            )
        },
        "/api/orders/{orderId}": {
            "get": _operation(
                "getOrder",
                "orders",
                "One order with its events",
                HistoryView,
                401,
                404,
                422,
                503,
                parameters=[
                    {"name": "orderId", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
                ],
            )
        },
        "/api/quotes": {
            "get": _operation(
                "getQuotes",
                "market",
                "Every venue's quote and the winner",
                QuotesView,
                401,
                422,
                503,
                parameters=_query(Trade),
            )
        },
        "/api/tokens": {"get": _open("listTokens", "market", "The tokens that can be traded", TokensView)},
        "/health": {"get": _open("health", "service", "Whether orders can be accepted", HealthView, 503)},
        "/openapi.json": {
            "get": _public("openapi", "This document", {"application/json": {"schema": {"type": "object"}}})
        },
        "/docs": {"get": _public("docs", "This document for people", {"text/html": {"schema": {"type": "string"}}})},
        "/": {
            "get": _public(
                "dashboard", "A page to place and watch orders", {"text/html": {"schema": {"type": "string"}}}
            )
        },
    }


def _place_order() -> Document:
    operation = _operation(
        "placeOrder",
        "orders",
        "Place a market order",
        AcceptedView,
        401,
        413,
        415,
        422,
        503,
        status=202,
        parameters=[
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same as clientOrderId: a repeat with the same key places nothing new.",
                "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$"},
            }
        ],
    )
    location = {"Location": {"description": "Where the order can be read.", "schema": {"type": "string"}}}
    operation["responses"]["202"] |= {"description": "Accepted: it will be executed.", "headers": location}
    operation["responses"]["200"] = {
        **_json("Placed before with the same key; nothing new was placed.", AcceptedView),
        "headers": {**location, "Idempotent-Replayed": {"schema": {"const": "true"}}},
    }
    operation["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {
                "schema": _ref(PlaceOrder),
                "examples": {
                    "buyAbc": {"value": {"tokenIn": "USDC", "tokenOut": "ABC", "amount": 1000}},
                    "sellSol": {"value": {"tokenIn": "SOL", "tokenOut": "USDC", "amount": "1", "slippageBps": 100}},
                },
            }
        },
    }
    return operation


def _operation(
    name: str, tag: str, summary: str, view: type[BaseModel], *problems: int, status: int = 200, **more: Any
) -> Document:
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        **more,
        "responses": {str(status): _json(summary, view), **{str(problem): _problem(problem) for problem in problems}},
    }


def _open(name: str, tag: str, summary: str, view: type[BaseModel], *problems: int) -> Document:
    return _operation(name, tag, summary, view, *problems, security=[])


def _public(name: str, summary: str, content: Document) -> Document:
    return {
        "operationId": name,
        "tags": ["service"],
        "summary": summary,
        "security": [],
        "responses": {"200": {"description": summary, "content": content}},
    }


def _json(description: str, view: type[BaseModel]) -> Document:
    return {"description": description, "content": {"application/json": {"schema": _ref(view)}}}


def _problem(status: int) -> Document:
    content: Document = {CONTENT_TYPE: {"schema": _ref(ProblemView)}}
    if status in (401, 413, 503):  # API Gateway may answer these by itself
        content["application/json"] = {"schema": _ref(GatewayMessageView)}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _query(model: type[BaseModel]) -> list[Document]:
    schema = model.model_json_schema(ref_template=_REF)
    definitions = schema.get("$defs", {})
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _inlined(field, definitions)}
        for name, field in schema["properties"].items()
    ]


def _inlined(schema: Document, definitions: Document) -> Document:
    """A query parameter's schema, on its own and without null, which no query can say."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    inlined = [definitions[option["$ref"].rsplit("/", 1)[1]] if "$ref" in option else option for option in options]
    return inlined[0] if len(inlined) == 1 else {"anyOf": inlined}


def _ref(model: type[BaseModel]) -> Document:
    return {"$ref": _REF.format(model=model.__name__)}
