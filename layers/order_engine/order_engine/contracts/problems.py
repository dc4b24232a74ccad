"""The only place that translates errors for clients: RFC 9457 over HTTP, an error frame on the WebSocket."""

from http import HTTPStatus
from typing import Any

from order_engine.contracts.documents import order_document
from order_engine.domain.errors import (
    BodyTooLarge,
    EngineError,
    FinalFailure,
    IdempotencyConflict,
    InvalidJson,
    InvalidRequest,
    OrderNotFound,
    OutcomeUnknown,
    PriceOutOfRange,
    RetryableFailure,
    RouteNotFound,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    WrongStatus,
)
from order_engine.domain.money import text

CONTENT_TYPE = "application/problem+json"

# The first class that matches decides.
STATUSES: tuple[tuple[type[EngineError], HTTPStatus], ...] = (
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (OrderNotFound, HTTPStatus.NOT_FOUND),
    (RouteNotFound, HTTPStatus.NOT_FOUND),
    (WrongStatus, HTTPStatus.CONFLICT),
    (BodyTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UnsupportedMediaType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (InvalidJson, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InvalidRequest, HTTPStatus.UNPROCESSABLE_ENTITY),
    (PriceOutOfRange, HTTPStatus.UNPROCESSABLE_ENTITY),
    (IdempotencyConflict, HTTPStatus.UNPROCESSABLE_ENTITY),
    (RetryableFailure, HTTPStatus.SERVICE_UNAVAILABLE),  # no venue gives a quote right now
    (FinalFailure, HTTPStatus.UNPROCESSABLE_ENTITY),  # none ever will
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_of(error: EngineError) -> HTTPStatus:
    """The HTTP status of an error."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_document(error: EngineError) -> dict[str, Any]:
    """RFC 9457. `code` is stable; `errors` names each wrong field, `orderId` an order that may have been placed.

    `order` is the order whose status was wrong, `marketPrice` what the market pays now.
    """
    status = status_of(error)
    return {
        "type": f"urn:order-engine:problem:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": int(status),
        "code": error.code,
        "detail": error.message,
        **_more(error),
    }


def error_frame(error: EngineError, **about: Any) -> dict[str, Any]:
    """An error on the WebSocket, with its HTTP status. `about` has what it refers to: requestId, orderId."""
    return {
        "type": "error",
        "status": int(status_of(error)),
        "code": error.code,
        "message": error.message,
        **_more(error),
        **about,
    }


def _more(error: EngineError) -> dict[str, Any]:
    if isinstance(error, InvalidRequest):
        return {"errors": [{"field": problem.field, "message": problem.message} for problem in error.errors]}
    if isinstance(error, PriceOutOfRange) and error.market_price is not None:
        return {"marketPrice": text(error.market_price)}
    if isinstance(error, WrongStatus) and error.order:
        return {"order": order_document(error.order)}
    return {"orderId": str(error.order_id)} if isinstance(error, OutcomeUnknown) and error.order_id else {}
