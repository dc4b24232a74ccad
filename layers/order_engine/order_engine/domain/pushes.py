"""Why a frame did not reach a connection."""

from enum import StrEnum


class Undelivered(StrEnum):
    """The client sees a gap, whatever the reason, and resumes from Postgres."""

    GONE = "gone"  # it left; nothing is wrong
    REFUSED = "refused"  # API Gateway took the request and said no: too many, or not allowed
    UNREACHABLE = "unreachable"
