"""Posting to WebSocket connections through API Gateway's @connections."""

import time
from collections.abc import Callable
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from order_engine.adapters.aws import PATIENCE
from order_engine.domain.pushes import Undelivered
from order_engine.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

_SECONDS_WITHOUT_POSTS = 30


class Gateway:
    """The WebSocket API, as seen from behind.

    Only 410 says that a connection takes no more frames. 429 (too many requests, or a client that reads too slowly) and
    5xx pass; the client has repeated both once, after a pause. 403 and 413 are faults of ours.
    https://docs.aws.amazon.com/apigateway/latest/api/API_PostToConnection.html

    A connection that did not answer gets no posts for half a minute: each costs seconds, and its FIFO group waits.
    """

    def __init__(self, client: "ApiGatewayManagementApiClient", clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._post_again_at: dict[str, float] = {}
        self._lock = Lock()

    def post(self, connection_id: str, frame: str) -> Undelivered | None:
        """Send one text frame (at most 32 kB); says why if it did not get there."""
        if self._clock() < self._post_again_at.get(connection_id, 0):
            return Undelivered.UNREACHABLE
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=frame.encode())
        except ClientError as error:
            # The status, not GoneException: a 410 may come without the header that names the error.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.GONE:
                return Undelivered.GONE
            _log_failure(connection_id, error)
            return Undelivered.REFUSED
        except BotoCoreError as error:
            _log_failure(connection_id, error)
            self._pause(connection_id)
            return Undelivered.UNREACHABLE
        return None

    def _pause(self, connection_id: str) -> None:
        now = self._clock()
        with self._lock:
            pauses = {one: until for one, until in self._post_again_at.items() if now < until}
            self._post_again_at = {**pauses, connection_id: now + _SECONDS_WITHOUT_POSTS}


def gateway_client(endpoint: str, posts_at_once: int) -> "ApiGatewayManagementApiClient":
    """A client for the API whose @connections are under `endpoint`; it waits a second for an answer and tries twice."""
    config = PATIENCE.merge(Config(read_timeout=1, max_pool_connections=posts_at_once))
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=config)


def _log_failure(connection_id: str, error: Exception) -> None:
    logger.warning("post failed", extra={"connection_id": connection_id, "cause": repr(error)})
