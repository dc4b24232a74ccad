"""Events of the WebSocket API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
"""

import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from localcloud.template.intrinsics import ACCOUNT_ID, REGION
from localcloud.template.model import WebSocketApi
from localcloud.websocket_api.connection import Connection, new_id


def route_event(api: WebSocketApi, connection: Connection, route_key: str, kind: str) -> dict[str, Any]:
    """The part that all events share; `kind` is CONNECT, MESSAGE or DISCONNECT."""
    now = time.time()
    context: dict[str, Any] = {
        "routeKey": route_key,
        "eventType": kind,
        "extendedRequestId": new_id(),
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "messageDirection": "IN",
        "stage": api.stage,
        "connectedAt": int(connection.connected_at * 1000),
        "requestTimeEpoch": int(now * 1000),
        "identity": {"sourceIp": connection.source_ip, "userAgent": connection.user_agent},
        "requestId": str(uuid.uuid4()),
        "domainName": f"{api.api_id}.execute-api.{REGION}.amazonaws.com",
        "connectionId": connection.id,
        "apiId": api.api_id,
    }
    if connection.authorizer:
        context["authorizer"] = connection.authorizer
    return {"requestContext": context, "isBase64Encoded": False}


def connect_event(api: WebSocketApi, connection: Connection, request: web.Request) -> dict[str, Any]:
    """The event of a handshake, for the authorizer and for $connect."""
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        headers.setdefault(name, []).append(value)
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    event = {
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        **route_event(api, connection, "$connect", "CONNECT"),
    }
    if query:
        event["queryStringParameters"] = {name: values[-1] for name, values in query.items()}
        event["multiValueQueryStringParameters"] = query
    return event


def method_arn(api: WebSocketApi) -> str:
    """The resource that an authorizer's policy has to allow."""
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{api.api_id}/{api.stage}/$connect"
