"""Every error the engine raises. Each class has a stable `code`, which clients may rely on.

EngineError
├── Refusal                      the request is rejected; nothing was stored
│   ├── InvalidRequest           validation_failed
│   ├── InvalidJson              invalid_json
│   ├── UnsupportedMediaType     unsupported_media_type
│   ├── BodyTooLarge             body_too_large
│   ├── Unauthenticated          unauthenticated
│   ├── IdempotencyConflict      idempotency_conflict
│   ├── PriceOutOfRange          price_out_of_range
│   ├── OrderNotFound            order_not_found
│   ├── WrongStatus              the order's status does not allow this
│   │   ├── AlreadySubmitted     already_submitted
│   │   ├── AlreadyFinished      already_finished
│   │   └── NotResting           not_resting
│   └── RouteNotFound            route_not_found
├── Unavailable                  a dependency is unavailable; trying again later may help
│   ├── DatabaseUnavailable      database_unavailable
│   ├── OutcomeUnknown           outcome_unknown: the order may have been placed
│   ├── QueueUnavailable         queue_unavailable
│   └── ConnectionsUnavailable   connections_unavailable
├── AttemptFailed                an attempt to execute an order ended without a fill
│   ├── RetryableFailure         another attempt may succeed
│   │   ├── VenueUnavailable     venue_unavailable
│   │   ├── NoQuote              no_quote
│   │   ├── BelowMinAmountOut    below_min_amount_out
│   │   ├── TransactionReverted  transaction_reverted
│   │   ├── SlippageExceeded     slippage_exceeded
│   │   └── TransactionExpired   transaction_expired
│   └── FinalFailure             no attempt can succeed
│       ├── UnsupportedPair      unsupported_pair
│       ├── AmountBelowMinimum   amount_below_minimum
│       ├── InsufficientLiquidity insufficient_liquidity
│       ├── AttemptsExhausted    attempts_exhausted
│       ├── OrderCancelled       order_cancelled
│       └── OrderExpired         order_expired
├── Fenced                       the order has changed or expired since it was read; nothing was written
└── StatementRejected            Postgres rejected a value; nothing was written
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Self
from uuid import UUID

if TYPE_CHECKING:
    from order_engine.domain.orders import Order

OUTCOME_KNOWN_SECONDS = 30  # the server aborts a statement abandoned by the client long before that
_LONGEST_MESSAGE = 500


class EngineError(Exception):
    """An error in the engine."""

    code: ClassVar[str] = "engine_error"

    def __init__(self, message: str | None = None) -> None:
        # An error's docstring is its default message.
        super().__init__(message or (self.__doc__ or "").strip())

    @property
    def message(self) -> str:
        """A human-readable sentence."""
        return str(self)


class Refusal(EngineError):
    """The request was refused."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its name as the client sent it, and a message."""

    field: str
    message: str


class InvalidRequest(Refusal):
    """The request is not valid."""

    code = "validation_failed"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(
            "; ".join(f"{error.field}: {error.message}" if error.field else error.message for error in errors)
        )
        self.errors = tuple(errors)


class InvalidJson(Refusal):
    """The body is not valid JSON."""

    code = "invalid_json"


class UnsupportedMediaType(Refusal):
    """The body must be sent as application/json."""

    code = "unsupported_media_type"


class BodyTooLarge(Refusal):
    """The body is too large."""

    code = "body_too_large"


class Unauthenticated(Refusal):
    """A valid API key is needed: send it as 'Authorization: Bearer KEY'."""

    code = "unauthenticated"


class IdempotencyConflict(Refusal):
    """This idempotency key was used before with a different order."""

    code = "idempotency_conflict"


class PriceOutOfRange(Refusal):
    """The price makes no sense in the current market; "force": true places the order anyway."""

    code = "price_out_of_range"

    def __init__(self, message: str | None = None, market_price: Decimal | None = None) -> None:
        super().__init__(message)
        self.market_price = market_price


class OrderNotFound(Refusal):
    """There is no such order in this account."""

    code = "order_not_found"


class WrongStatus(Refusal):
    """The order's status does not allow this."""

    def __init__(self, message: str | None = None, order: "Order | None" = None) -> None:
        super().__init__(message)
        self.order = order


class AlreadySubmitted(WrongStatus):
    """The order's transaction may still land; if it does not, the order ends cancelled."""

    code = "already_submitted"


class AlreadyFinished(WrongStatus):
    """The order has already ended."""

    code = "already_finished"


class NotResting(WrongStatus):
    """Only a resting order can be changed."""

    code = "not_resting"


class RouteNotFound(Refusal):
    """There is no such route."""

    code = "route_not_found"


class Unavailable(EngineError):
    """The engine cannot do this right now; try again."""


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached; try again."""

    code = "database_unavailable"

    def __init__(self, message: str | None = None, *, may_have_run: bool = False) -> None:
        super().__init__(message)
        # The statement had been sent when the connection broke or time ran out: it may have been committed.
        self.may_have_run = may_have_run


class OutcomeUnknown(Unavailable):
    """The database did not answer in time: the order may have been placed."""

    code = "outcome_unknown"

    def __init__(self, order_id: UUID | None = None) -> None:
        shown = (
            f"If this request placed it, GET /api/orders/{order_id} shows it within {OUTCOME_KNOWN_SECONDS} seconds. "
        )
        super().__init__(
            "The database did not answer in time, so it is not known whether the order was placed. "
            f"{shown if order_id else ''}"
            "Repeating the request with the same Idempotency-Key or clientOrderId is safe at any time."
        )
        # The order's id if this request may have placed it; None if an earlier one with the same key did.
        self.order_id = order_id


class QueueUnavailable(Unavailable):
    """The queue cannot be reached; try again."""

    code = "queue_unavailable"


class ConnectionsUnavailable(Unavailable):
    """Subscriptions cannot be changed right now; try again."""

    code = "connections_unavailable"


class AttemptFailed(EngineError):
    """The attempt ended without a fill."""


class RetryableFailure(AttemptFailed):
    """The attempt failed; another one may succeed."""


class VenueUnavailable(RetryableFailure):
    """The venue did not answer."""

    code = "venue_unavailable"


class NoQuote(RetryableFailure):
    """No venue gave a quote."""

    code = "no_quote"


class BelowMinAmountOut(RetryableFailure):
    """The best quote pays out less than the order's minimum."""

    code = "below_min_amount_out"

    def __init__(self, message: str | None = None, missing_bps: float = 0) -> None:
        super().__init__(message)
        # How far the quote was below the minimum, in 1/100 of a percent of it.
        self.missing_bps = missing_bps


class TransactionReverted(RetryableFailure):
    """The chain reverted the transaction; nothing was swapped."""

    code = "transaction_reverted"


class SlippageExceeded(TransactionReverted):
    """The price moved by more than the slippage allows; nothing was swapped."""

    code = "slippage_exceeded"


class TransactionExpired(RetryableFailure):
    """The transaction did not land in time and never will."""

    code = "transaction_expired"


class FinalFailure(AttemptFailed):
    """The order cannot be executed."""


class UnsupportedPair(FinalFailure):
    """No venue trades this pair."""

    code = "unsupported_pair"


class AmountBelowMinimum(FinalFailure):
    """The amount is too small to pay out anything."""

    code = "amount_below_minimum"


class InsufficientLiquidity(FinalFailure):
    """No pool is deep enough for this amount."""

    code = "insufficient_liquidity"


class AttemptsExhausted(FinalFailure):
    """The last attempt was interrupted before it had a result."""

    code = "attempts_exhausted"


class OrderCancelled(FinalFailure):
    """The order was cancelled before a swap was signed."""

    code = "order_cancelled"


class OrderExpired(FinalFailure):
    """The order expired before a swap was signed."""

    code = "order_expired"


class Fenced(EngineError):
    """The order has changed, or has expired, since it was last read."""

    code = "fenced"


class StatementRejected(EngineError):
    """Postgres rejected the statement."""

    code = "statement_rejected"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt or the order failed, as recorded."""

    code: str
    message: str

    @classmethod
    def of(cls, error: AttemptFailed) -> Self:
        """Clean up the message: a venue's may be too long, or contain what Postgres (NUL) or UTF-8 cannot store."""
        message = error.message.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
        return cls(error.code, message[:_LONGEST_MESSAGE])
