"""The names, ARNs and URLs of the template's resources on this machine."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.template.intrinsics import ACCOUNT_ID, REGION

CONNECTIONS_PATH = "/_aws/websocket"

_API_URL = re.compile(rf"(https|wss)://([a-z0-9]+)\.execute-api\.{REGION}\.amazonaws\.com(?:/([\w-]+))?")


@dataclass(frozen=True)
class Listeners:
    """Where clients and functions connect to on this machine: two ports, and the path of the WebSocket API."""

    http_port: int
    aws_port: int
    websocket_path: str = "/ws"


@dataclass(frozen=True)
class Addresses:
    """Resolves Ref and GetAtt of resources to values that functions can use locally."""

    resources: Mapping[str, Any]
    listeners: Listeners

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.listeners.http_port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.listeners.http_port}{self.listeners.websocket_path}"

    @property
    def aws_url(self) -> str:
        return f"http://127.0.0.1:{self.listeners.aws_port}"

    def attribute(self, logical_id: str, name: str | None, resolve: Callable[[Any], Any]) -> str:
        """Ref (name None) or GetAtt of a resource; anything unknown resolves to a stable, distinct string."""
        if logical_id.endswith(".Alias"):  # SAM's reference to a function's alias, which here is the function
            logical_id, name = logical_id.removesuffix(".Alias"), "Arn"
        resource = self.resources.get(logical_id, {})
        properties = resource.get("Properties") or {}
        kind = resource.get("Type", "")
        known = _KINDS.get(kind)
        if known is None:
            return logical_id if name is None else f"{logical_id}.{name}"
        physical = resolve(properties.get(known.name_property)) or logical_id
        if kind == "AWS::SQS::Queue":
            if str(properties.get("FifoQueue", "")).lower() == "true" and not physical.endswith(".fifo"):
                physical += ".fifo"
            url = f"{self.aws_url}/{ACCOUNT_ID}/{physical}"
            attributes = {None: url, "QueueUrl": url, "QueueName": physical}
        elif kind in ("AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi"):
            attributes = {None: api_id(logical_id)}
        else:
            attributes = {None: physical}
        arn = known.arn.format(region=REGION, account=ACCOUNT_ID, name=physical)
        if kind == "AWS::Serverless::LayerVersion":
            attributes[None] = arn
        return attributes.get(name, arn if name == "Arn" else f"{logical_id}.{name}")

    def localize(self, text: str) -> str:
        """Replaces the URLs of APIs with their URLs on this machine."""
        return _API_URL.sub(self._local_url, text)

    def _local_url(self, match: re.Match[str]) -> str:
        scheme, host, stage = match.groups()
        if scheme == "wss":
            return self.websocket_url
        apis = {api_id(logical_id): resource for logical_id, resource in self.resources.items()}
        api = apis.get(host, {})
        if api.get("Type") == "AWS::Serverless::WebSocketApi":
            return f"{self.http_url}{CONNECTIONS_PATH}/{stage}"
        # After the host name of an API with stage $default comes a route's path, not a stage.
        is_path = stage and stage != (api.get("Properties") or {}).get("StageName")
        return self.http_url + (f"/{stage}" if is_path else "")


@dataclass(frozen=True)
class _Kind:
    name_property: str
    arn: str


_KINDS = {
    "AWS::SQS::Queue": _Kind("QueueName", "arn:aws:sqs:{region}:{account}:{name}"),
    "AWS::DynamoDB::Table": _Kind("TableName", "arn:aws:dynamodb:{region}:{account}:table/{name}"),
    "AWS::Serverless::Function": _Kind("FunctionName", "arn:aws:lambda:{region}:{account}:function:{name}"),
    "AWS::Serverless::LayerVersion": _Kind("LayerName", "arn:aws:lambda:{region}:{account}:layer:{name}:1"),
    "AWS::Serverless::HttpApi": _Kind("Name", "arn:aws:apigateway:{region}::/apis/{name}"),
    "AWS::Serverless::WebSocketApi": _Kind("Name", "arn:aws:apigateway:{region}::/apis/{name}"),
}


def api_id(logical_id: str) -> str:
    """The id of an API; part of a host name on AWS, so lower case."""
    return logical_id.lower()
