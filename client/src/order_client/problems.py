"""Converts refusals, over HTTP or on the socket, to the errors in errors.py."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from order_client.codec import decode
from order_client.errors import (
    AlreadyFinished,
    AlreadySubmitted,
    ApiError,
    FieldError,
    Forbidden,
    IdempotencyConflict,
    NotFound,
    NotResting,
    OrderEngineError,
    OutcomeUnknown,
    PriceOutOfRange,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unreachable,
    ValidationFailed,
    WrongStatus,
)
from order_client.models import Order

_BY_CODE: dict[str, type[ApiError]] = {
    "unauthenticated": Unauthenticated,
    "order_not_found": NotFound,
    "validation_failed": ValidationFailed,
    "idempotency_conflict": IdempotencyConflict,
    "price_out_of_range": PriceOutOfRange,
    "already_submitted": AlreadySubmitted,
    "already_finished": AlreadyFinished,
    "not_resting": NotResting,
    "engine_error": Unavailable,
    "database_unavailable": Unavailable,
    "outcome_unknown": Unavailable,
    "queue_unavailable": Unavailable,
    "connections_unavailable": Unavailable,
}
_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    422: ValidationFailed,
    429: TooManyRequests,
}


def error_in_response(response: httpx.Response) -> ApiError:
    """The error for an HTTP response with a status of 400 or more. Raises ProtocolError if it is incomplete."""
    try:
        document = response.json()
    except ValueError:
        document = None
    problem = document if isinstance(document, Mapping) else {}
    status = response.status_code
    # API Gateway's own responses are {"message"}, without a code or a detail.
    detail = problem.get("detail") or problem.get("message") or f"The server answered {status}."
    retry_after = _seconds(response.headers.get("Retry-After"))
    return _error(status, str(problem.get("code") or _code(status)), str(detail), problem, retry_after)


def error_in_result(problem: Mapping[str, Any]) -> ApiError:
    """The error for the problem document of one order of a batch. Raises ProtocolError if it is incomplete."""
    status = problem.get("status")
    return _error(
        status if isinstance(status, int) else None,
        str(problem.get("code")),
        str(problem.get("detail", "The engine refused.")),
        problem,
        None,
    )


def error_in_handshake(status: int, headers: Mapping[str, str]) -> ApiError:
    """The error for a refused WebSocket handshake, whose body carries no information."""
    return _error(
        status, _code(status), f"The WebSocket was refused ({status}).", {}, _seconds(headers.get("Retry-After"))
    )


def error_in_frame(frame: Mapping[str, Any]) -> ApiError:
    """The error for an error frame of the engine or of API Gateway itself. Raises ProtocolError if it is incomplete."""
    code = frame.get("code")
    detail = str(frame.get("message", "The engine refused."))
    if code is None:  # {"message", "connectionId", "requestId"}: API Gateway's own, without a function's response
        return Unavailable(None, "gateway_error", detail)
    return _error(None, str(code), detail, frame, None)


def outcome_unknown(error: OrderEngineError, client_order_id: str) -> OutcomeUnknown | None:
    """The OutcomeUnknown for a failed attempt to place an order; None when it certainly placed nothing."""
    match error:
        case Unreachable(sent=False) | TooManyRequests() | Unavailable(code="database_unavailable"):
            return None
        case Unavailable(code="outcome_unknown"):
            return OutcomeUnknown(error.status, error.detail, error.order_id, client_order_id)
    status = error.status if isinstance(error, ApiError) else None
    return OutcomeUnknown(status, f"It is not known whether the order was placed. {error}", None, client_order_id)


def _error(
    status: int | None, code: str, detail: str, document: Mapping[str, Any], retry_after: float | None
) -> ApiError:
    errors = [
        FieldError(str(item.get("field", "")), str(item.get("message", "")))
        for item in document.get("errors") or ()
        if isinstance(item, Mapping)
    ]
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status or 0)
    if kind is None:
        kind = Unavailable if (status or 0) >= 500 else ApiError
    if issubclass(kind, WrongStatus):
        return kind(status, code, detail, decode(Order, document.get("order")))
    if issubclass(kind, PriceOutOfRange):
        return kind(status, code, detail, decode(Decimal, document.get("marketPrice")))
    order_id = document.get("orderId")
    return kind(status, code, detail, errors, retry_after, order_id if isinstance(order_id, str) else None)


def _code(status: int) -> str:
    try:
        return HTTPStatus(status).name.lower()
    except ValueError:
        return f"http_{status}"


def _seconds(header: str | None) -> float | None:
    """The seconds of a Retry-After header, which is a number of seconds or a date."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
