"""The life cycle of an order: every status, its properties, and the allowed transitions between them.

The only definition of the statuses' properties. SQL receives them as parameters and rejects any other transition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The status of an order."""

    RESTING = "resting"
    PENDING = "pending"
    ROUTING = "routing"
    BUILDING = "building"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusProperties:
    """The properties of one status."""

    claimed_as: Status | None = None
    """The status after a worker's claim, which starts the next attempt; None if the order cannot be claimed."""
    next: frozenset[Status] = frozenset()
    """The statuses that the order's holder may give it without a claim."""
    rests: bool = False
    """The order waits for the market; the sweeper requeues it when it expires."""
    cancellable: bool = False
    """A cancellation ends the order: no transaction is signed."""
    leased: bool = False
    """A worker's lease covers the order; the sweeper requeues it once the lease has expired."""
    signs: bool = False
    """Entering it stores a signed transaction, which must not happen once the order has expired."""

    @property
    def terminal(self) -> bool:
        """Whether no further transition is possible."""
        return not self.next and self.claimed_as is None


_ENDED = frozenset({Status.FAILED, Status.CANCELLED, Status.EXPIRED})
# Another attempt follows, or the order waits for its price again.
_AGAIN = frozenset({Status.PENDING, Status.RESTING})

LIFECYCLE: Mapping[Status, StatusProperties] = {
    # To itself: its price, amount or expiry was replaced.
    Status.RESTING: StatusProperties(
        next=frozenset({Status.RESTING, Status.PENDING, Status.CANCELLED, Status.EXPIRED}), rests=True, cancellable=True
    ),
    # `failed` is reached from here if MaxAttempts is lowered while an order waits for its retry.
    Status.PENDING: StatusProperties(claimed_as=Status.ROUTING, next=_ENDED, cancellable=True),
    Status.ROUTING: StatusProperties(
        claimed_as=Status.ROUTING, next=_ENDED | _AGAIN | {Status.BUILDING}, leased=True, cancellable=True
    ),
    Status.BUILDING: StatusProperties(
        claimed_as=Status.ROUTING, next=_ENDED | _AGAIN | {Status.SUBMITTED}, leased=True, cancellable=True
    ),
    # Never claimed: its transaction may land, so nothing new may be signed before the chain has ruled that out.
    # No lease: the confirmer settles it, and if two settle it at once, the first write wins. To itself: a cancellation
    # was requested, so that no further attempt follows.
    Status.SUBMITTED: StatusProperties(next=_ENDED | _AGAIN | {Status.CONFIRMED, Status.SUBMITTED}, signs=True),
    Status.CONFIRMED: StatusProperties(),
    Status.FAILED: StatusProperties(),
    Status.CANCELLED: StatusProperties(),
    Status.EXPIRED: StatusProperties(),
}

INITIAL = (Status.RESTING, Status.PENDING)
TERMINAL = frozenset(status for status, properties in LIFECYCLE.items() if properties.terminal)
CLAIMS = {status: properties.claimed_as for status, properties in LIFECYCLE.items() if properties.claimed_as}
OPEN = frozenset(LIFECYCLE) - TERMINAL
RESTING = frozenset(status for status, properties in LIFECYCLE.items() if properties.rests)
CANCELLABLE = frozenset(status for status, properties in LIFECYCLE.items() if properties.cancellable)
TRANSITIONS = frozenset((status, target) for status, properties in LIFECYCLE.items() for target in properties.next)
