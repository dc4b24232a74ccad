"""The life cycle of an order: every status, what holds in it, and the moves between them.

The one place that knows the statuses' properties. SQL gets them as parameters and refuses any other move.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Where an order is in its life."""

    PENDING = "pending"
    ROUTING = "routing"
    BUILDING = "building"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What holds for an order in one status."""

    claimed_as: Status | None = None
    """What a worker's claim, which starts the next attempt, turns the status into; None: it cannot be claimed."""
    next: frozenset[Status] = frozenset()
    """Where whoever holds the order may move it without a claim."""
    leased: bool = False
    """A worker's lease covers the order; the sweeper looks after it once the lease has run out."""
    signs: bool = False
    """Entering it stores a signed transaction, which must not happen after the order's time."""

    @property
    def terminal(self) -> bool:
        """No move leads on."""
        return not self.next and self.claimed_as is None


_ENDED = frozenset({Status.FAILED, Status.CANCELLED, Status.EXPIRED})

LIFECYCLE: Mapping[Status, Stage] = {
    # `failed` from here: its retry was due when the number of attempts was lowered.
    Status.PENDING: Stage(claimed_as=Status.ROUTING, next=_ENDED),
    # `pending` from the next three: the attempt failed and another one follows.
    Status.ROUTING: Stage(claimed_as=Status.ROUTING, next=_ENDED | {Status.BUILDING, Status.PENDING}, leased=True),
    Status.BUILDING: Stage(claimed_as=Status.ROUTING, next=_ENDED | {Status.SUBMITTED, Status.PENDING}, leased=True),
    # Never claimed: its transaction may land, so nothing new may be signed before the chain has ruled that out.
    # No lease: the confirmer looks after it, and of two that settle it the first write wins.
    Status.SUBMITTED: Stage(next=_ENDED | {Status.CONFIRMED, Status.PENDING}, signs=True),
    Status.CONFIRMED: Stage(),
    Status.FAILED: Stage(),
    Status.CANCELLED: Stage(),
    Status.EXPIRED: Stage(),
}

TERMINAL = frozenset(status for status, stage in LIFECYCLE.items() if stage.terminal)
CLAIMS = {status: stage.claimed_as for status, stage in LIFECYCLE.items() if stage.claimed_as}
MOVES = frozenset((status, target) for status, stage in LIFECYCLE.items() for target in stage.next)
