"""Routing precedence and response mapping of the HTTP API."""

import json

import pytest
from aiohttp.web import Response

from localcloud.http_api.responses import to_response
from localcloud.http_api.routing import Router
from localcloud.lambdas.invocation import Outcome, failure
from localcloud.template.model import HttpRoute

ROUTER = Router(
    HttpRoute(method, path, "F", None)
    for method, path in [
        ("ANY", "$default"),
        ("ANY", "/orders/{proxy+}"),
        ("GET", "/orders/{orderId}"),
        ("ANY", "/orders/{orderId}"),
        ("GET", "/orders/latest"),
        ("GET", "/"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/orders/latest", "GET /orders/latest", {}),
        ("GET", "/orders/a%2Fb", "GET /orders/{orderId}", {"orderId": "a/b"}),
        ("PUT", "/orders/latest", "ANY /orders/{orderId}", {"orderId": "latest"}),
        ("GET", "/orders/1/events", "ANY /orders/{proxy+}", {"proxy": "1/events"}),
        ("GET", "/", "GET /", {}),
        ("POST", "/", "$default", {}),
        ("GET", "/nothing", "$default", {}),
    ],
)
def test_the_most_specific_route_wins(method: str, path: str, key: str, parameters: dict[str, str]) -> None:
    match = ROUTER.match(method, path)
    assert match is not None
    assert (match.route.key, match.parameters) == (key, parameters)


def test_a_request_without_a_route_has_no_match() -> None:
    assert Router([HttpRoute("GET", "/a", "F", None)]).match("POST", "/a") is None


def respond(answer: object) -> Response:
    return to_response(Outcome(json.dumps(answer).encode()))


def test_a_response_sets_status_headers_and_cookies() -> None:
    response = respond({"statusCode": "201", "headers": {"X-A": 1, "Content-Length": "9"}, "cookies": ["a=1", "b=2"]})
    assert (response.status, response.body, response.headers["X-A"]) == (201, b"", "1")
    assert response.headers.getall("Set-Cookie") == ["a=1", "b=2"]


def test_a_body_in_base64_is_decoded() -> None:
    response = respond({"statusCode": 200, "body": "AAE=", "isBase64Encoded": True})
    assert response.body == b"\x00\x01"


@pytest.mark.parametrize(("answer", "body"), [({"a": 1}, b'{"a": 1}'), ("hi", b"hi"), (None, b"null"), ([1], b"[1]")])
def test_a_response_without_status_code_is_inferred(answer: object, body: bytes) -> None:
    response = respond(answer)
    assert (response.status, response.body, response.content_type) == (200, body, "application/json")


@pytest.mark.parametrize("answer", [{"statusCode": "soon"}, {"statusCode": 200, "body": "a", "isBase64Encoded": True}])
def test_an_invalid_response_is_a_500(answer: object) -> None:
    assert respond(answer).status == 500


def test_a_failed_invocation_is_a_500_without_details() -> None:
    response = to_response(failure("ValueError", "secret"))
    assert (response.status, response.body) == (500, b'{"message":"Internal Server Error"}')
