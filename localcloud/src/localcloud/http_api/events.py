"""Converts requests to Lambda events, payload format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from localcloud.template.intrinsics import ACCOUNT_ID, REGION
from localcloud.template.model import HttpApi, HttpAuthorizer, HttpRoute

_TEXT_TYPES = ("application/json", "application/xml", "application/javascript")


def new_request_id() -> str:
    """An id as API Gateway gives to each request, in the event and in the response's header."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes[:11]).decode()


def api_event(
    api: HttpApi, route: HttpRoute, request: web.Request, parameters: dict[str, str], body: bytes
) -> dict[str, Any]:
    """The event of a route's integration; the authorizer's context is added by the caller."""
    event = {"version": "2.0", "routeKey": route.key, **_request_parts(api, route, request, parameters)}
    text = _text(request.headers.get("Content-Type", ""), body)
    if body:
        event["body"] = base64.b64encode(body).decode() if text is None else text
    return {**event, "isBase64Encoded": bool(body) and text is None}


def authorizer_event(
    api: HttpApi, route: HttpRoute, request: web.Request, parameters: dict[str, str], identity: list[str]
) -> dict[str, Any]:
    """The event of a Lambda authorizer."""
    method = request.method if route.path != "$default" else "$default"
    path = request.path if route.path != "$default" else ""
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{api.api_id}/$default/{method}{path}",
        "identitySource": identity or None,
        "routeKey": route.key,
        **_request_parts(api, route, request, parameters),
    }


def identity_values(authorizer: HttpAuthorizer, request: web.Request) -> list[str] | None:
    """The values of the authorizer's identity sources in this request; None if one is missing or empty."""
    headers = _joined((name.lower(), value) for name, value in request.headers.items())
    query = _joined(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
    values = [headers.get(name.lower(), "") for name in authorizer.headers]
    values += [query.get(name, "") for name in authorizer.query_strings]
    return values if all(values) else None


def _request_parts(api: HttpApi, route: HttpRoute, request: web.Request, parameters: dict[str, str]) -> dict[str, Any]:
    now = time.time()
    source_ip = request.remote or "127.0.0.1"
    headers = _joined((name.lower(), value) for name, value in request.headers.items())
    cookies = [cookie.strip() for cookie in headers.pop("cookie", "").split(";") if cookie.strip()]
    headers |= {
        "x-forwarded-for": source_ip,
        "x-forwarded-port": str(request.url.port or 80),
        "x-forwarded-proto": "http",
        "x-amzn-trace-id": f"Root=1-{int(now):08x}-{uuid.uuid4().hex[:24]}",
    }
    host = f"{api.api_id}.execute-api.{REGION}.amazonaws.com"
    query = request.rel_url.raw_query_string
    parts: dict[str, Any] = {"rawPath": request.path, "rawQueryString": query}
    if cookies:
        parts["cookies"] = cookies
    parts["headers"] = headers
    if query:
        parts["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
    parts["requestContext"] = {
        "accountId": ACCOUNT_ID,
        "apiId": api.api_id,
        "domainName": host,
        "domainPrefix": api.api_id,
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": f"HTTP/{request.version.major}.{request.version.minor}",
            "sourceIp": source_ip,
            "userAgent": request.headers.get("User-Agent", ""),
        },
        "requestId": request["id"],
        "routeKey": route.key,
        "stage": "$default",
        "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now * 1000),
    }
    if parameters:
        parts["pathParameters"] = parameters
    return parts


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values of the same name, joined by commas."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _text(content_type: str, body: bytes) -> str | None:
    """The body as text; None if API Gateway would pass it on in base64."""
    media_type = content_type.partition(";")[0].strip().lower()
    is_text = not media_type or media_type.startswith("text/") or media_type.endswith(("+json", "+xml"))
    if not is_text and media_type not in _TEXT_TYPES:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
