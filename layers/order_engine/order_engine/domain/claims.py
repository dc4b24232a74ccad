"""The outcome of a claim, decided under the order's row lock."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from order_engine.domain.orders import Order


class Decision(StrEnum):
    """The outcome of a claim."""

    CLAIMED = "claimed"
    """This worker has claimed the order; its next attempt has begun."""
    CLAIMABLE = "claimable"
    """The order could be claimed, but was only examined."""
    LEASED = "leased"
    """Another worker holds the lease, for another `back_in`."""
    NOT_YET = "not_yet"
    """The next attempt may begin in `back_in`."""
    RESTING = "resting"
    """The order waits for the market."""
    IN_FLIGHT = "in_flight"
    """A signed transaction may still land, and no worker holds a lease."""
    CANCEL_REQUESTED = "cancel_requested"
    """Nothing is signed, and a cancellation was requested."""
    EXHAUSTED = "exhausted"
    """Nothing is signed, and no attempts are left."""
    OVERDUE = "overdue"
    """Nothing is signed, and the order has expired."""
    FINISHED = "finished"
    UNSUPPORTED = "unsupported"
    """This release cannot execute the order, or cannot read it; another release can."""
    UNKNOWN = "unknown"
    """There is no such order."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The decision about one order, and the order at that time (None if it is unknown or unsupported)."""

    order_id: UUID
    decision: Decision
    order: Order | None = None
    back_in: timedelta | None = None
