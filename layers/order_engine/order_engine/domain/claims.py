"""What a claim decided about an order, under the order's lock."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from order_engine.domain.orders import Order


class Decision(StrEnum):
    """Whose turn it is."""

    CLAIMED = "claimed"
    """It is this worker's; its next attempt has begun."""
    CLAIMABLE = "claimable"
    """It could be claimed; only looked at."""
    LEASED = "leased"
    """Another worker has it, for `back_in` more."""
    NOT_YET = "not_yet"
    """Its next attempt may begin in `back_in`."""
    IN_FLIGHT = "in_flight"
    """Its transaction may land and no worker sees to it."""
    EXHAUSTED = "exhausted"
    """Nothing is signed, and no attempt is left."""
    OVERDUE = "overdue"
    """Nothing is signed, and its time is over."""
    FINISHED = "finished"
    UNSUPPORTED = "unsupported"
    """This release cannot execute it, or cannot read it; another one can."""
    UNKNOWN = "unknown"
    """There is no such order."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The decision about one order, and the order as it then stood (none where it is unknown or unsupported)."""

    order_id: UUID
    decision: Decision
    order: Order | None = None
    back_in: timedelta | None = None
