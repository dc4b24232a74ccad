"""The REQUEST authorizer of a WebSocket API: its event, and the IAM policy that it returns."""

import json
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from localcloud.lambdas.pool import FunctionPool
from localcloud.template.model import WebSocketApi
from localcloud.websocket_api.events import method_arn


class RefusedError(Exception):
    """The handshake is refused with this status instead of 101."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def authorize(
    api: WebSocketApi, pool: FunctionPool, request: web.Request, event: Mapping[str, Any]
) -> dict[str, Any]:
    """`requestContext.authorizer` of all events of this connection.

    Raises:
        RefusedError: 401 when an identity source is missing or the function raises "Unauthorized", 403 when its policy
            denies access, 500 when it fails.
    """
    if not all(_identity(source, request) for source in api.identity_sources):
        raise RefusedError(401, "Unauthorized")
    question = {"type": "REQUEST", "methodArn": method_arn(api), **event}
    outcome = await pool.invoke(json.dumps(question).encode())
    if outcome.failed:
        if outcome.error_message == "Unauthorized":
            raise RefusedError(401, "Unauthorized")
        raise RefusedError(500, "Internal server error")
    answer = outcome.json()
    if not isinstance(answer, dict) or "principalId" not in answer or "policyDocument" not in answer:
        raise RefusedError(500, "Internal server error")
    if not allows(answer["policyDocument"], method_arn(api)):
        raise RefusedError(403, "User is not authorized to access this resource")
    context = {name: _string(value) for name, value in (answer.get("context") or {}).items()}
    return {**context, "principalId": answer["principalId"]}


def allows(policy: Mapping[str, Any], resource: str) -> bool:
    """Whether an IAM policy lets the caller invoke the resource; a Deny takes precedence."""
    effects = {
        statement.get("Effect")
        for statement in _list(policy.get("Statement"))
        if any(_matches(pattern, "execute-api:Invoke", re.IGNORECASE) for pattern in _list(statement.get("Action")))
        and any(_matches(pattern, resource) for pattern in _list(statement.get("Resource")))
    }
    return "Allow" in effects and "Deny" not in effects


def _identity(source: str, request: web.Request) -> str | None:
    """`route.request.header.Name` or `route.request.querystring.name`."""
    kind, _, name = source.removeprefix("route.request.").partition(".")
    return request.headers.get(name) if kind == "header" else request.query.get(name)


def _matches(pattern: str, text: str, flags: int = 0) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, flags) is not None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []


def _string(value: Any) -> Any:
    """API Gateway passes numbers and booleans of the context on as strings."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value
