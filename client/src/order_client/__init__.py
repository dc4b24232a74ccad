"""Python client of the Order Execution Engine. It needs httpx and websockets, but none of the engine's packages.

from order_client import Client

with Client() as client:
    order = client.submit("SOL", "USDC", "1")
    for event in client.stream(order.order_id):
        print(event.status)
"""

from order_client.blocking import Client
from order_client.client import AsyncClient
from order_client.errors import (
    ApiError,
    FieldError,
    Forbidden,
    IdempotencyConflict,
    NotConfigured,
    NotFound,
    OrderEngineError,
    OutcomeUnknown,
    ProtocolError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unreachable,
    ValidationFailed,
)
from order_client.models import Event, Facts, Failure, Order, Quote, Quotes, Route, Status, Token
from order_client.retries import RetryPolicy

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Event",
    "Facts",
    "Failure",
    "FieldError",
    "Forbidden",
    "IdempotencyConflict",
    "NotConfigured",
    "NotFound",
    "Order",
    "OrderEngineError",
    "OutcomeUnknown",
    "ProtocolError",
    "Quote",
    "Quotes",
    "RetryPolicy",
    "Route",
    "Status",
    "Token",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "ValidationFailed",
]
