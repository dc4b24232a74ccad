"""The outcome of a cancellation, decided under the order's row lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from order_engine.domain.orders import Order


class CancelDecision(StrEnum):
    """Whether the cancellation or the fill wins."""

    CANCELLED = "cancelled"
    """The order is cancelled, now or earlier."""
    IN_FLIGHT = "in_flight"
    """Its transaction may still land. If it does not, the order ends cancelled: no further attempt follows."""
    FINISHED = "finished"
    """The order had ended otherwise."""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The decision about one order, and the order afterwards. `is_new` if this cancellation has changed it."""

    order: Order
    decision: CancelDecision
    is_new: bool


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The outcome for many orders; `complete` unless time was over before every order had been looked at."""

    cancellations: Sequence[Cancellation]
    complete: bool
