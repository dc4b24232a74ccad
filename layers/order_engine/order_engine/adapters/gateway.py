"""Posting to WebSocket connections through API Gateway's @connections."""

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
    """The WebSocket API, as seen from behind.

    Only 410 says that a connection takes no more frames. 429 (too many requests, or a client that reads too slowly) and
    5xx pass; both have been repeated once. 403 and 413 are faults of ours.
    https://docs.aws.amazon.com/apigateway/latest/api/API_PostToConnection.html

    A connection that did not answer gets no posts for half a minute: each costs seconds, and its FIFO group waits.
    """

    def __init__(self, endpoint: SignedEndpoint, clock: Callable[[], float] = time.monotonic) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._post_again_at: dict[str, float] = {}
        self._lock = Lock()

    def post(self, connection_id: str, frame: str) -> Undelivered | None:
        """Send one text frame (at most 32 kB); says why if it did not get there."""
        if self._clock() < self._post_again_at.get(connection_id, 0):
            return Undelivered.UNREACHABLE
        try:
            self._endpoint.post(f"/@connections/{quote(connection_id, safe='')}", frame.encode(), {})
        except AwsError as error:
            # The status, not the error's name: a 410 may come without the header that has it.
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
    """The API whose @connections are under `url`; it gets a second for an answer, and a second try."""
    return SignedEndpoint("execute-api", url, read_seconds=1, connections=posts_at_once)
