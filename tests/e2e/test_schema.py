"""The HTTP API conforms to /openapi.json: schemathesis generates requests from the document."""

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import settings
from schemathesis.checks import negative_data_rejection, positive_data_acceptance, unsupported_method

from order_engine.contracts.openapi import openapi_document
from testing.cloud import Cloud
from testing.polling import eventually

pytestmark = pytest.mark.security

EXCLUDED = [
    # Fields that are valid individually may be invalid together, which is a 422: SOL for SOL, ten decimals of SOL.
    positive_data_acceptance,
    # It expects 405, but API Gateway responds with 404 to everything that matches no route.
    unsupported_method,
]

api = schemathesis.openapi.from_dict(openapi_document())


@pytest.fixture(scope="module")
def account(new_key: Callable[[], str]) -> dict[str, str]:
    """The header of a new account: the requests cancel its orders and set its dead man's switch."""
    return {"Authorization": f"Bearer {new_key()}"}


def test_the_served_document_is_the_one_tested_here(cloud: Cloud) -> None:
    assert httpx.get(f"{cloud.http_url}/openapi.json").json() == openapi_document()


@api.parametrize()
@settings(max_examples=50, deadline=None, derandomize=True, database=None)
def test_every_answer_is_as_documented(case: schemathesis.Case[Any], cloud: Cloud, account: dict[str, str]) -> None:
    # An invalid order of a batch gets a problem of its own; the response is still a 200.
    excluded = [*EXCLUDED, negative_data_rejection] if case.path == "/api/orders/batch" else EXCLUDED
    case.call_and_validate(base_url=cloud.http_url, headers=account, excluded_checks=excluded)


def test_responses_about_existing_orders_are_as_documented(cloud: Cloud, new_key: Callable[[], str]) -> None:
    """Generated requests hardly ever refer to an existing order."""
    place, read, page = (
        api[path][method]
        for path, method in (
            ("/api/orders/execute", "POST"),
            ("/api/orders/{orderId}", "GET"),
            ("/api/orders", "GET"),
        )
    )
    headers = {"Authorization": f"Bearer {new_key()}"}
    orders: list[dict[str, object]] = [
        {"tokenIn": "SOL", "tokenOut": "USDC", "amount": "0.5", "clientOrderId": "once"},
        {"tokenIn": "SOL", "tokenOut": "USDC", "amount": "0.5", "clientOrderId": "once"},
        {"tokenIn": "RAY", "tokenOut": "MET", "amount": 1},  # which no venue trades
    ]
    with httpx.Client(base_url=cloud.http_url, headers=headers, timeout=30) as http:
        answers = [http.post("/api/orders/execute", json=order) for order in orders]
        assert [answer.status_code for answer in answers] == [202, 200, 202]
        for answer in answers:
            place.validate_response(answer)

        def finished(location: str) -> bool:
            answer = http.get(location)
            read.validate_response(answer)
            return bool(answer.json()["terminal"])

        for answer in answers:
            eventually(partial(finished, answer.headers["Location"]), "the order is finished")
        for query in ({}, {"limit": 1}, {"status": "failed"}, {"status": "pending"}):
            page.validate_response(http.get("/api/orders", params=query))
