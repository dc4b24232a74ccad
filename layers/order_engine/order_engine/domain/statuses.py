"""The statuses of an order and the moves between them, as data. The SQL enforces this same table."""

from enum import StrEnum


class Status(StrEnum):
    """Where an order is in its life."""

    PENDING = "pending"
    ROUTING = "routing"
    BUILDING = "building"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"


TERMINAL = frozenset({Status.CONFIRMED, Status.FAILED})

# What a claim turns a status into. A submitted order stays so: its transaction may land, and is asked about first.
CLAIMS = {
    Status.PENDING: Status.ROUTING,
    Status.ROUTING: Status.ROUTING,
    Status.BUILDING: Status.ROUTING,
    Status.SUBMITTED: Status.SUBMITTED,
}

MOVES = frozenset(
    {
        (Status.ROUTING, Status.BUILDING),
        (Status.BUILDING, Status.SUBMITTED),
        (Status.SUBMITTED, Status.CONFIRMED),
        # A failed attempt with more to come.
        (Status.ROUTING, Status.PENDING),
        (Status.BUILDING, Status.PENDING),
        (Status.SUBMITTED, Status.PENDING),
        # The last attempt failed, or none can succeed.
        (Status.ROUTING, Status.FAILED),
        (Status.BUILDING, Status.FAILED),
        (Status.SUBMITTED, Status.FAILED),
        # A retry was due when the number of attempts was lowered.
        (Status.PENDING, Status.FAILED),
    }
)
