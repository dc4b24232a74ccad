"""The examples of the OpenAPI and AsyncAPI documents: one order's life cycle and every error."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from order_engine.domain.errors import EngineError, FieldError, InvalidRequest, OutcomeUnknown, PriceOutOfRange
from order_engine.domain.lifecycle import TERMINAL

Document = dict[str, Any]

ORDER_ID = "01a1fc0d-ccf9-7aba-8628-4639c019856b"
ROUTE: Document = {
    "venue": "meteora",
    "quotes": [
        {
            "venue": "meteora",
            "amountOut": "142.665033",
            "price": "142.665033",
            "feeBps": "20",
            "priceImpactBps": "0",
        },
        {
            "venue": "raydium",
            "amountOut": "142.611042",
            "price": "142.611042",
            "feeBps": "25",
            "priceImpactBps": "0.3",
        },
    ],
}
_SIGNED: Document = {
    "txHash": "4hXTCkRzt9WyecNzV1XPgCDfGAZzQKNxLXgynz5QDuWWPSAZBZSHptvWRL3BjCvzUXRdKvHL2b7yGrRQcWyaqsaB",
    "minAmountOut": "141.951707",
}
_FILLED: Document = {"amountOut": "142.66502", "executedPrice": "142.66502"}
_ASKED: Document = {
    "orderId": ORDER_ID,
    "orderType": "market",
    "tokenIn": "SOL",
    "tokenOut": "USDC",
    "amount": "1",
    "slippageBps": 50,
    "expiresAt": "2026-01-31T12:05:00.000Z",
    "createdAt": "2026-01-31T12:00:00.000Z",
}
ACCEPTED: Document = {**_ASKED, "status": "pending", "sequence": 1, "attempt": 0, "terminal": False}


def example_event(sequence: int, status: str, attempt: int = 1, **facts: Any) -> Document:
    """An event of the example order."""
    about = {"type": "status", "orderId": ORDER_ID, "sequence": sequence, "status": status, "attempt": attempt}
    terminal = status in TERMINAL
    return {**about, "at": f"2026-01-31T12:00:{sequence - 1:02}.000Z", "terminal": terminal, **facts}


EVENTS = [
    example_event(1, "pending", 0),
    example_event(2, "routing"),
    example_event(3, "building", route=ROUTE),
    example_event(4, "submitted", route=ROUTE, **_SIGNED),
    example_event(5, "confirmed", route=ROUTE, **_SIGNED, **_FILLED),
]
_NOW: Document = {"status": "confirmed", "sequence": 5, "attempt": 1, "terminal": True}
ORDER: Document = {**_ASKED, "updatedAt": EVENTS[-1]["at"], **_NOW, "route": ROUTE, **_SIGNED, **_FILLED}
HISTORY: Document = {**ORDER, "events": EVENTS}


RESTING: Document = {
    **_ASKED,
    "orderType": "limit",
    "slippageBps": 10000,
    "limitPrice": "150",
    "expiresAt": "2026-02-07T12:00:00.000Z",
    "status": "resting",
    "sequence": 1,
    "attempt": 0,
    "terminal": False,
}
TERMS: Document = {"amount": "1", "triggerPrice": "150", "expiresAt": "2026-02-07T12:00:00.000Z"}
REPLACED: Document = {
    **RESTING,
    "limitPrice": "900",
    "updatedAt": "2026-01-31T12:01:00.000Z",
    "sequence": 2,
}
CANCELLED: Document = {
    **REPLACED,
    "updatedAt": "2026-01-31T12:02:00.000Z",
    "status": "cancelled",
    "sequence": 3,
    "terminal": True,
}
TRIGGERED: Document = {"price": "150.3", "source": "raydium", "at": "2026-01-31T12:00:01.000Z"}


def example_error(kind: type[EngineError]) -> EngineError:
    """An example error of this class."""
    if kind is PriceOutOfRange:
        return PriceOutOfRange("stopPrice 160 must be below the current price of 150.3 (raydium).", Decimal("150.3"))
    if kind is InvalidRequest:
        return InvalidRequest([FieldError("amount", "must be greater than 0")])
    if kind is OutcomeUnknown:
        return OutcomeUnknown(UUID(ORDER_ID))
    return EngineError("Something went wrong on our side.") if kind is EngineError else kind()
