"""How long the client waits, and how often it retries."""

import asyncio
import random
from dataclasses import dataclass

from order_client.errors import ApiError, OrderEngineError, TooManyRequests, Unavailable, Unreachable

WORTH_A_RETRY = (Unreachable, Unavailable, TooManyRequests)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """All values are in seconds, except `max_attempts`."""

    timeout: float = 15.0
    """For one attempt of a call, and for opening a WebSocket."""
    quiet: float = 15.0
    """Silence after which a stream checks whether it missed events."""
    max_attempts: int = 5
    """Consecutive failures after which the last one is raised."""
    initial_backoff: float = 0.2
    """Before the second attempt; doubles with every further one, with jitter."""
    max_backoff: float = 5.0
    max_retry_after: float = 30.0
    """A Retry-After up to this is waited for in full; a longer one ends the retries."""


class Backoff:
    """Counts the consecutive failures of one call or one stream and delays its retries."""

    def __init__(self, retries: RetryPolicy) -> None:
        self._retries = retries
        self._failures = 0

    def reset(self) -> None:
        """Called after a success: the next failure counts as the first one."""
        self._failures = 0

    async def wait(
        self, error: OrderEngineError, *, forever: bool = False, last: OrderEngineError | None = None
    ) -> None:
        """Wait before the next attempt; when none is left, raises `last` or the error. `forever`: never give up."""
        self._failures += 1
        asked = error.retry_after if isinstance(error, ApiError) and error.retry_after else 0.0
        if not forever and (self._failures >= self._retries.max_attempts or asked > self._retries.max_retry_after):
            raise last or error
        doubled = self._retries.initial_backoff * 2 ** min(self._failures - 1, 30)
        # Jitter keeps clients that were disconnected together from reconnecting together.
        await asyncio.sleep(max(asked, min(doubled, self._retries.max_backoff) * random.uniform(0.5, 1.0)))
