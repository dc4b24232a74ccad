"""Subscriptions of connections to topics: the connections table in DynamoDB.

Each topic (domain/topics.py) has one item, with key `pk` and a string set of connection ids. Closed connections are
removed when a post to them fails; every item has a time to live.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from order_engine.adapters.aws import AwsError, JsonService
from order_engine.domain.errors import ConnectionsUnavailable

_EXPIRES_AFTER_SECONDS = 3 * 3600  # API Gateway closes every connection after two hours
_BATCH = 100  # BatchGetItem's limit
# Maximum backoff, in seconds, before each retry of a lookup that DynamoDB answered only in part.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)


class Connections:
    """The connections table. Every method raises ConnectionsUnavailable if DynamoDB is unavailable."""

    def __init__(self, table: str, dynamodb: JsonService, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._sleep = sleep

    def add(self, topic: str, connection_id: str) -> None:
        """Subscribe a connection to a topic."""
        self._update(
            topic,
            UpdateExpression="ADD connectionIds :ids SET expiresAt = :at",
            ExpressionAttributeValues={
                ":ids": {"SS": [connection_id]},
                ":at": {"N": str(int(time.time()) + _EXPIRES_AFTER_SECONDS)},
            },
        )

    def remove(self, topic: str, connection_id: str) -> None:
        """Unsubscribe a connection from a topic; no error if it was not subscribed."""
        self._update(
            topic,
            UpdateExpression="DELETE connectionIds :ids",
            ExpressionAttributeValues={":ids": {"SS": [connection_id]}},
        )

    def listening_to(self, topics: Sequence[str]) -> dict[str, set[str]]:
        """The connection ids of each topic that has any; one request per hundred topics, plus a few retries at most."""
        pauses = iter(_PAUSES)
        return {
            item["pk"]["S"]: set(item["connectionIds"]["SS"])
            for start in range(0, len(topics), _BATCH)
            for item in self._items(topics[start : start + _BATCH], pauses)
            if "connectionIds" in item
        }

    def _items(self, topics: Iterable[str], pauses: Iterator[float]) -> Iterator[dict[str, Any]]:
        keys = [{"pk": {"S": topic}} for topic in topics]
        # A consistent read: once a client is told that it is subscribed, it must get every later event.
        wanted: dict[str, Any] = {self._table: {"Keys": keys, "ConsistentRead": True}}
        while wanted:
            answer = self._call("BatchGetItem", RequestItems=wanted)
            yield from answer["Responses"].get(self._table, [])
            wanted = dict(answer.get("UnprocessedKeys", {}))
            if wanted:
                self._pause(pauses)

    def _pause(self, pauses: Iterator[float]) -> None:
        pause = next(pauses, None)
        if pause is None:
            raise ConnectionsUnavailable("DynamoDB left topics unprocessed in every response.")
        self._sleep(random.uniform(0, pause))

    def _update(self, topic: str, **update: Any) -> None:
        self._call("UpdateItem", TableName=self._table, Key={"pk": {"S": topic}}, **update)

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return self._dynamodb.call(operation, **request)
        except AwsError as error:
            raise ConnectionsUnavailable() from error
