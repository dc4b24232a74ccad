"""Every error that the client raises.

OrderEngineError
├── NotConfigured             there is no endpoint, or the profile is wrong
├── Unreachable               no response, after all retries that are safe
├── ProtocolError             a response that this client does not understand
└── ApiError                  the engine, or the gateway in front of it, refused the request
    ├── Unauthenticated       401
    ├── Forbidden             403
    ├── NotFound              404
    ├── ValidationFailed      422, with the invalid fields
    │   └── IdempotencyConflict   the client order id belongs to a different order
    ├── TooManyRequests       429
    └── Unavailable           500 and above; worth retrying later
        └── OutcomeUnknown    retries are used up, and the order may have been placed
"""

from collections.abc import Sequence
from dataclasses import dataclass


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
    `order_id`: the order that the request may have placed.
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


class ValidationFailed(ApiError):
    """The request is not valid, or no venue can trade it."""


class IdempotencyConflict(ValidationFailed):
    """The client order id was used before with a different order."""


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
