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
    AlreadyFinished,
    AlreadySubmitted,
    ApiError,
    FieldError,
    Forbidden,
    IdempotencyConflict,
    NotConfigured,
    NotFound,
    NotResting,
    OrderEngineError,
    OutcomeUnknown,
    PriceOutOfRange,
    ProtocolError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unreachable,
    ValidationFailed,
    WrongStatus,
)
from order_client.models import (
    Cancelled,
    Event,
    Facts,
    Failure,
    NotCancelled,
    Order,
    OrderType,
    PriceSample,
    Quote,
    Quotes,
    Route,
    Status,
    Terms,
    Token,
)
from order_client.requests import NewOrder
from order_client.retries import RetryPolicy

__all__ = [
    "AlreadyFinished",
    "AlreadySubmitted",
    "ApiError",
    "AsyncClient",
    "Cancelled",
    "Client",
    "Event",
    "Facts",
    "Failure",
    "FieldError",
    "Forbidden",
    "IdempotencyConflict",
    "NewOrder",
    "NotCancelled",
    "NotConfigured",
    "NotFound",
    "NotResting",
    "Order",
    "OrderEngineError",
    "OrderType",
    "OutcomeUnknown",
    "PriceOutOfRange",
    "PriceSample",
    "ProtocolError",
    "Quote",
    "Quotes",
    "RetryPolicy",
    "Route",
    "Status",
    "Terms",
    "Token",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "ValidationFailed",
    "WrongStatus",
]
