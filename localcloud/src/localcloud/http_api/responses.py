"""Converts a function's result to an HTTP response, payload format 2.0."""

import base64
import binascii
import json
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from localcloud.lambdas.invocation import Outcome


def message(status: int, text: str) -> web.Response:
    """A response that API Gateway itself generates."""
    return web.Response(text=f'{{"message":"{text}"}}', status=status, content_type="application/json")


def to_response(outcome: Outcome) -> web.Response:
    """The function's response; 500 if the function failed or its response is not valid."""
    if outcome.failed:
        return message(500, "Internal Server Error")
    try:
        return _response(outcome.json())
    except (ValueError, TypeError, AttributeError, binascii.Error):
        return message(500, "Internal Server Error")


def _response(answer: Any) -> web.Response:
    if not isinstance(answer, dict) or "statusCode" not in answer:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return web.Response(text=text, content_type="application/json")
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in (answer.get("headers") or {}).items():
        headers[name] = str(value).lower() if isinstance(value, bool) else str(value)
    # The server computes these itself; a function's own value could contradict the body.
    headers.pop("Content-Length", None)
    headers.pop("Transfer-Encoding", None)
    for cookie in answer.get("cookies") or []:
        headers.add("Set-Cookie", str(cookie))
    headers.setdefault("Content-Type", "text/plain;charset=UTF-8")
    body = answer.get("body")
    if body is None:
        content = b""
    elif answer.get("isBase64Encoded"):
        content = base64.b64decode(body)
    else:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
    return web.Response(status=int(answer["statusCode"]), headers=headers, body=content)
