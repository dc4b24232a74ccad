"""Posts to WebSocket connections through API Gateway's @connections."""

import time
from collections.abc import Callable
from http import HTTPStatus
from threading import Lock
from urllib.parse import quote

from order_engine.adapters.aws import AwsError, SignedEndpoint
from order_engine.domain.pushes import Undelivered
from order_engine.observability import logger

_SECONDS_WITHOUT_POSTS = 30


class Gateway:
    """Posts frames to connections.

    Only 410 means that a connection is closed. 429 (too many requests, or a client that reads too slowly) and 5xx are
    transient; both have already been retried once. 403 and 413 are errors of the engine.
    https://docs.aws.amazon.com/apigateway/latest/api/API_PostToConnection.html

    After a post without a response, its connection gets no posts for 30 seconds: each would block its FIFO group for
    seconds.
    """

    def __init__(self, endpoint: SignedEndpoint, clock: Callable[[], float] = time.monotonic) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._post_again_at: dict[str, float] = {}
        self._lock = Lock()

    def post(self, connection_id: str, frame: str) -> Undelivered | None:
        """Send one text frame (at most 32 kB); returns the reason if it was not delivered."""
        if self._clock() < self._post_again_at.get(connection_id, 0):
            return Undelivered.UNREACHABLE
        try:
            self._endpoint.post(f"/@connections/{quote(connection_id, safe='')}", frame.encode(), {})
        except AwsError as error:
            # Not by the error's name: a 410 may come without the header that contains it.
            if error.status == HTTPStatus.GONE:
                return Undelivered.GONE
            logger.warning("post failed", extra={"connection_id": connection_id, "cause": str(error)})
            if error.status is not None:
                return Undelivered.REFUSED
            self._pause(connection_id)
            return Undelivered.UNREACHABLE
        return None

    def _pause(self, connection_id: str) -> None:
        now = self._clock()
        with self._lock:
            pauses = {one: until for one, until in self._post_again_at.items() if now < until}
            self._post_again_at = {**pauses, connection_id: now + _SECONDS_WITHOUT_POSTS}


def connections_endpoint(url: str, posts_at_once: int) -> SignedEndpoint:
    """The endpoint whose @connections are under `url`. Each of two tries waits one second for a response."""
    return SignedEndpoint("execute-api", url, read_seconds=1, connections=posts_at_once)
