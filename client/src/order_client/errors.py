"""Every error that the client raises.

OrderEngineError
├── NotConfigured             there is no endpoint, or the profile is wrong
├── Unreachable               no response, after all retries that are safe
├── ProtocolError             a response that this client does not understand
└── ApiError                  the engine, or the gateway in front of it, refused the request
    ├── Unauthenticated       401
    ├── Forbidden             403
    ├── NotFound              404
    ├── WrongStatus           409, with the order
    │   ├── AlreadySubmitted      too late to cancel: its transaction may still land
    │   ├── AlreadyFinished       too late to cancel: it has ended
    │   └── NotResting            too late to replace
    ├── ValidationFailed      422, with the invalid fields
    │   ├── IdempotencyConflict   the client order id belongs to a different order
    │   └── PriceOutOfRange       the price makes no sense in the current market, with the market's price
    ├── TooManyRequests       429
    └── Unavailable           500 and above; worth retrying later
        └── OutcomeUnknown    retries are used up, and the order may have been placed
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from order_client.models import Order


class OrderEngineError(Exception):
    """The base class of the client's errors."""


class NotConfigured(OrderEngineError):
    """The engine's endpoint is not known, or the configuration is invalid."""


class Unreachable(OrderEngineError):
    """The engine did not respond. `sent`: it may have received the request nevertheless."""

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class ProtocolError(OrderEngineError):
    """The response does not conform to this API."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the request, named as on the wire."""

    field: str
    message: str


class ApiError(OrderEngineError):
    """The request was refused.

    `status` is the HTTP status, None for a refusal on an open socket. `code` is stable and meant for programs, `detail`
    for people; `errors` names the invalid fields, if any. `retry_after`: the delay requested by the engine, in seconds.
    `order_id`: the order that the request is about, or that it may have placed.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the fields of a problem document
        self,
        status: int | None,
        code: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        retry_after: float | None = None,
        order_id: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.order_id = order_id


class Unauthenticated(ApiError):
    """The API key is missing, unknown or revoked."""


class Forbidden(ApiError):
    """The gateway refused the request."""


class NotFound(ApiError):
    """There is no such order in this account."""


class WrongStatus(ApiError):
    """The order's status does not allow this. `order` is its current state."""

    def __init__(self, status: int | None, code: str, detail: str, order: Order) -> None:
        super().__init__(status, code, detail, order_id=order.order_id)
        self.order = order


class AlreadySubmitted(WrongStatus):
    """The order's transaction may still land; if it does not, the order ends cancelled."""


class AlreadyFinished(WrongStatus):
    """The order ended before it could be cancelled."""


class NotResting(WrongStatus):
    """Only a resting order can be replaced."""


class ValidationFailed(ApiError):
    """The request is not valid, or no venue can trade it."""


class IdempotencyConflict(ValidationFailed):
    """The client order id was used before with a different order."""


class PriceOutOfRange(ValidationFailed):
    """The price is probably a mistake; `force` overrides the check. `market_price` is the current price."""

    def __init__(self, status: int | None, code: str, detail: str, market_price: Decimal) -> None:
        super().__init__(status, code, detail)
        self.market_price = market_price


class TooManyRequests(ApiError):
    """The gateway's rate limit."""


class Unavailable(ApiError):
    """The engine cannot do this right now."""


class OutcomeUnknown(Unavailable):
    """It is not known whether the order was placed.

    Submitting the same order again with `client_order_id` is always safe and reveals the outcome. `order_id` is None if
    the engine named none; otherwise the order may have that id, but NotFound does not prove that it was not placed.
    """

    def __init__(self, status: int | None, detail: str, order_id: str | None, client_order_id: str) -> None:
        super().__init__(status, "outcome_unknown", detail, order_id=order_id)
        self.client_order_id = client_order_id
