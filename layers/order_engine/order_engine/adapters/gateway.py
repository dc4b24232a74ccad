"""Posting to WebSocket connections through API Gateway's @connections."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from order_engine.adapters.aws import PATIENCE
from order_engine.domain.pushes import Undelivered
from order_engine.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient


class Gateway:
    """The WebSocket API, as seen from behind."""

    def __init__(self, client: "ApiGatewayManagementApiClient") -> None:
        self._client = client

    def post(self, connection_id: str, frame: str) -> Undelivered | None:
        """Send one text frame (at most 128 kB); says why if it did not get there."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=frame.encode())
        except self._client.exceptions.GoneException:
            return Undelivered.GONE
        except (BotoCoreError, ClientError) as error:
            logger.warning("post failed", extra={"connection_id": connection_id, "cause": repr(error)})
            return Undelivered.REFUSED if isinstance(error, ClientError) else Undelivered.UNREACHABLE
        return None


def gateway_client(endpoint: str, posts_at_once: int) -> "ApiGatewayManagementApiClient":
    """A client for the API whose @connections are under `endpoint`; a post that hangs is given up in seconds."""
    config = PATIENCE.merge(Config(max_pool_connections=posts_at_once))
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=config)
