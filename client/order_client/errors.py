"""Everything the client raises.

OrderEngineError
├── NotConfigured             there is no endpoint, or the profile is wrong
├── Unreachable               no answer; every try that is safe was made
├── ProtocolError             an answer that this client does not understand
└── ApiError                  the engine, or the gateway before it, said no
    ├── Unauthenticated       401
    ├── Forbidden             403
    ├── NotFound              404
    ├── ValidationFailed      422, with the wrong fields
    │   └── IdempotencyConflict   the client order id stands for a different order
    ├── TooManyRequests       429
    └── Unavailable           500 and above; trying again later helps
"""

from collections.abc import Sequence
from dataclasses import dataclass


class OrderEngineError(Exception):
    """Something went wrong in a way the client knows."""


class NotConfigured(OrderEngineError):
    """It is not known where the engine is."""


class Unreachable(OrderEngineError):
    """The engine did not answer."""


class ProtocolError(OrderEngineError):
    """The answer is not one of this API."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the request, named as on the wire."""

    field: str
    message: str


class ApiError(OrderEngineError):
    """The request was refused.

    `status` is the HTTP status, None for a refusal on an open socket. `code` is stable and meant for programs, `detail`
    for people; `errors` names the wrong fields, if any. `retry_after`: seconds that the engine asked to wait.
    """

    def __init__(
        self,
        status: int | None,
        code: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after


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
