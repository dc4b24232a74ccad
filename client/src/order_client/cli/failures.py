"""How errors are reported: as text, as JSON and as exit codes."""

import json

import typer

from order_client.codec import encode
from order_client.errors import (
    ApiError,
    NotConfigured,
    OrderEngineError,
    OutcomeUnknown,
    PriceOutOfRange,
    Unauthenticated,
    Unavailable,
    Unreachable,
    WrongStatus,
)

REFUSED, CANNOT_REACH, UNAUTHENTICATED = 1, 3, 4


def exit_code(error: OrderEngineError) -> int:
    """1 refused; 3 not reachable, unavailable or not configured; 4 no valid key."""
    if isinstance(error, Unauthenticated):
        return UNAUTHENTICATED
    return CANNOT_REACH if isinstance(error, Unreachable | Unavailable | NotConfigured) else REFUSED


def report(error: OrderEngineError, *, program: str, as_json: bool) -> None:
    """Print the error to stderr, and a hint if there is one."""
    if as_json:
        typer.echo(json.dumps({"error": _document(error)}), err=True)
        return
    typer.echo(f"{program}: {error}", err=True)
    if hint := _hint(error):
        typer.echo(hint, err=True)


def _document(error: OrderEngineError) -> dict[str, object]:
    if not isinstance(error, ApiError):
        return {"code": _code(error), "message": str(error)}
    errors = {"errors": encode(error.errors)} if error.errors else {}
    document = {"code": error.code, "message": error.detail, "status": error.status, **errors}
    match error:
        case OutcomeUnknown():
            return document | {"orderId": error.order_id, "clientOrderId": error.client_order_id}
        case WrongStatus():
            return document | {"order": encode(error.order)}
        case PriceOutOfRange():
            return document | {"marketPrice": encode(error.market_price)}
    return document


def _code(error: OrderEngineError) -> str:
    match error:
        case Unreachable():
            return "unreachable"
        case NotConfigured():
            return "not_configured"
    return "client_error"


def _hint(error: OrderEngineError) -> str | None:
    if isinstance(error, Unreachable) and ("//127.0.0.1" in str(error) or "//localhost" in str(error)):
        return "Is the local cloud running? Start it with 'make run'."
    if isinstance(error, OutcomeUnknown):
        # With --expires-in, the repeat would have a different expiry and thus be a different order.
        return (
            f"Submit it again with --client-order-id {error.client_order_id}, and without --expires-in:"
            " it will not be placed twice."
        )
    if isinstance(error, WrongStatus):
        return f"Its status is {error.order.status}."
    if isinstance(error, PriceOutOfRange):
        return "If you mean this price, repeat the command with --force."
    if isinstance(error, Unauthenticated):
        return "Give a key with --key or ORDERS_API_KEY; 'orders-admin keys create ACCOUNT' creates one."
    return None
