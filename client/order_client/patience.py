"""How long the client waits, and how often it tries again."""

import asyncio
import random
from dataclasses import dataclass

from order_client.errors import ApiError, OrderEngineError, TooManyRequests, Unavailable, Unreachable

WORTH_A_RETRY = (Unreachable, Unavailable, TooManyRequests)


@dataclass(frozen=True, slots=True)
class Patience:
    """All in seconds, but for `tries`."""

    timeout: float = 15.0
    """For one try of a call, and for opening a WebSocket."""
    quiet: float = 15.0
    """Silence after which a stream asks whether it missed something."""
    tries: int = 5
    """Failures in a row after which the last one is raised."""
    first_wait: float = 0.2
    """Before the second try; doubles with every further one, with jitter."""
    longest_wait: float = 5.0
    longest_retry_after: float = 30.0
    """A Retry-After is waited for in full, but a longer one ends the tries."""


class Backoff:
    """The failures in a row of one call or of one stream."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failures = 0

    def reset(self) -> None:
        """It works again: the next failure is the first one."""
        self._failures = 0

    async def wait(
        self, error: OrderEngineError, *, forever: bool = False, last: OrderEngineError | None = None
    ) -> None:
        """Wait before the next try; raises `last`, or the error, when there is none (`forever`: there always is)."""
        self._failures += 1
        asked = error.retry_after if isinstance(error, ApiError) and error.retry_after else 0.0
        if not forever and (self._failures >= self._patience.tries or asked > self._patience.longest_retry_after):
            raise last or error
        doubled = self._patience.first_wait * 2 ** min(self._failures - 1, 30)
        # Jitter: clients that were cut off together do not come back together.
        await asyncio.sleep(max(asked, min(doubled, self._patience.longest_wait) * random.uniform(0.5, 1.0)))
