"""The resources that the local cloud runs, as plain data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Function:
    """A Lambda function."""

    name: str
    arn: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    timeout: float
    memory: int
    environment: dict[str, str]
    reserved_concurrency: int | None


@dataclass(frozen=True)
class HttpAuthorizer:
    """A Lambda authorizer of the HTTP API (payload 2.0, simple responses)."""

    name: str
    function: str
    headers: tuple[str, ...]
    query_strings: tuple[str, ...]
    cache_seconds: float


@dataclass(frozen=True)
class HttpRoute:
    """A route of the HTTP API; `$default` has method ANY and path `$default`."""

    method: str
    path: str
    function: str
    authorizer: str | None

    @property
    def key(self) -> str:
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True)
class HttpApi:
    """The HTTP API."""

    api_id: str
    routes: tuple[HttpRoute, ...]
    authorizers: dict[str, HttpAuthorizer]
    cors: dict[str, Any] | None


@dataclass(frozen=True)
class WebSocketRoute:
    """A route of the WebSocket API; `responds`: its function's response is sent back to the client."""

    key: str
    function: str
    responds: bool


@dataclass(frozen=True)
class WebSocketApi:
    """The WebSocket API."""

    api_id: str
    stage: str
    selection_key: str
    authorizer: str | None
    identity_sources: tuple[str, ...]
    routes: dict[str, WebSocketRoute]


@dataclass(frozen=True)
class Queue:
    """An SQS queue; attributes as CreateQueue takes them."""

    logical_id: str
    name: str
    arn: str
    url: str
    attributes: dict[str, str]


@dataclass(frozen=True)
class Table:
    """A DynamoDB table; definition as CreateTable takes it."""

    logical_id: str
    name: str
    definition: dict[str, Any]


@dataclass(frozen=True)
class QueueMapping:
    """An event source mapping from a queue to a function."""

    function: str
    queue_arn: str
    batch_size: int
    window: float
    maximum_concurrency: int | None
    reports_item_failures: bool


@dataclass(frozen=True)
class Schedule:
    """A rule that invokes a function every `seconds`."""

    name: str
    function: str
    seconds: float
    payload: str | None


@dataclass(frozen=True)
class CustomResource:
    """A custom resource, which a function creates."""

    logical_id: str
    kind: str
    service_token: str
    timeout: float
    properties: dict[str, Any]
