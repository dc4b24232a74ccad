"""Why a frame did not reach a connection."""

from enum import StrEnum


class Undelivered(StrEnum):
    """The reason. In every case the client sees a gap in the sequence and resumes from Postgres."""

    GONE = "gone"  # the client has disconnected, which is not an error
    REFUSED = "refused"  # API Gateway responded with another error, such as throttled or forbidden
    UNREACHABLE = "unreachable"
