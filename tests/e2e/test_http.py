"""The HTTP API on the running local cloud."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from order_engine.contracts.views import (
    HealthView,
    PageView,
    ProblemView,
    QuotesView,
    TokensView,
)
from testing.accounts import headers_of_new_account
from testing.cloud import Cloud
from testing.orders import LIFE, SOL, finished, place

UNKNOWN_ID = "01990000-0000-7000-8000-000000000000"

JSON = {"Content-Type": "application/json"}


def count_orders(cloud: Cloud) -> int:
    with psycopg.connect(cloud.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM orders").fetchone()
    assert row
    return int(row[0])


@pytest.mark.parametrize(
    "order",
    [{"tokenIn": "USDC", "tokenOut": "ABC", "amount": 1000}, SOL, {**SOL, "amount": "1"}, {**SOL, "amount": 0.25}],
)
def test_an_order_is_accepted_executed_and_stored(http: httpx.Client, order: dict[str, Any]) -> None:
    answer = http.post("/api/orders/execute", json=order)
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted["status"] == "pending"
    assert answer.headers["Location"] == f"/api/orders/{accepted['orderId']}"
    document = finished(http, accepted["orderId"])
    assert [event["status"] for event in document["events"]] == LIFE
    assert [event["sequence"] for event in document["events"]] == [1, 2, 3, 4, 5]
    assert document["route"]["venue"] in ("raydium", "meteora")
    assert float(document["amountOut"]) >= float(document["minAmountOut"])


def test_a_failed_order_has_the_reason(http: httpx.Client) -> None:
    order = place(http, {"tokenIn": "RAY", "tokenOut": "MET", "amount": 1})
    document = finished(http, order["orderId"])
    assert document["status"] == "failed"
    assert document["error"]["code"] == "unsupported_pair"


@pytest.mark.parametrize("way", ["header", "field"])
def test_twenty_posts_with_one_key_place_one_order(cloud: Cloud, http: httpx.Client, way: str) -> None:
    key = str(uuid4())
    headers = {"Idempotency-Key": key} if way == "header" else {}
    order = {**SOL, "clientOrderId": key} if way == "field" else SOL
    before = count_orders(cloud)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: http.post("/api/orders/execute", json=order, headers=headers), range(20)))
    assert len({answer.text for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers].count("true") == 19
    assert count_orders(cloud) == before + 1
    conflict = http.post("/api/orders/execute", json={**order, "amount": 2}, headers=headers)
    assert (conflict.status_code, conflict.json()["code"]) == (422, "idempotency_conflict")
    assert count_orders(cloud) == before + 1


def body(**changes: Any) -> str:
    return json.dumps({**SOL, **changes})


@pytest.mark.parametrize(
    ("content", "headers", "status", "code", "field"),
    [
        ("not json", JSON, 422, "invalid_json", None),
        ("", JSON, 422, "invalid_json", None),
        (b"\xff\xfe", JSON, 422, "invalid_json", None),
        ("[1]", JSON, 422, "validation_failed", ""),
        ("null", JSON, 422, "validation_failed", ""),
        (body(), {"Content-Type": "text/plain"}, 415, "unsupported_media_type", None),
        (body(), {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", None),
        (body(), {}, 415, "unsupported_media_type", None),
        (body(price=1), JSON, 422, "validation_failed", "price"),
        ('{"tokenIn":"SOL","tokenOut":"USDC"}', JSON, 422, "validation_failed", "amount"),
        (body(tokenIn="DOGE"), JSON, 422, "validation_failed", "tokenIn"),
        (body(tokenOut="SOL"), JSON, 422, "validation_failed", "tokenOut"),
        (body(amount=0), JSON, 422, "validation_failed", "amount"),
        (body(amount=-1), JSON, 422, "validation_failed", "amount"),
        (body(amount=float("nan")), JSON, 422, "invalid_json", None),
        (body(amount=float("inf")), JSON, 422, "invalid_json", None),
        (body(amount="NaN"), JSON, 422, "validation_failed", "amount"),
        (body().replace(": 1}", ": 1e400}"), JSON, 422, "validation_failed", "amount"),
        (body(amount="many"), JSON, 422, "validation_failed", "amount"),
        (body(amount="0.0000000001"), JSON, 422, "validation_failed", "amount"),
        (body(amount="1" + "0" * 20), JSON, 422, "validation_failed", "amount"),
        (body(slippageBps=-1), JSON, 422, "validation_failed", "slippageBps"),
        (body(slippageBps=10_001), JSON, 422, "validation_failed", "slippageBps"),
        (body(clientOrderId="k" * 10_000), JSON, 422, "validation_failed", "clientOrderId"),
        (body(), {**JSON, "Idempotency-Key": "k" * 200}, 422, "validation_failed", "Idempotency-Key"),
        (body(clientOrderId="k" * 1_000_000), JSON, 413, "body_too_large", None),
    ],
)
def test_invalid_orders_get_a_problem_and_are_not_stored(
    cloud: Cloud,
    http: httpx.Client,
    content: str | bytes,
    headers: dict[str, str],
    status: int,
    code: str,
    field: str | None,
) -> None:
    before = count_orders(cloud)
    answer = http.post("/api/orders/execute", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = ProblemView.model_validate_json(answer.text)
    assert (problem.status, problem.code) == (status, code)
    assert [error.field for error in problem.errors or []] == ([] if field is None else [field])
    assert count_orders(cloud) == before


def test_an_idempotency_key_of_10_kb_is_rejected(cloud: Cloud, http: httpx.Client) -> None:
    before = count_orders(cloud)
    answer = http.post("/api/orders/execute", json=SOL, headers={"Idempotency-Key": "k" * 10_000})
    assert 400 <= answer.status_code < 500  # API Gateway's limit of 10,240 bytes of headers, or the engine's
    assert count_orders(cloud) == before


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/orders/not-a-uuid", 422, "validation_failed"),
        (f"/api/orders/{UNKNOWN_ID}", 404, "order_not_found"),
        ("/api/orders?cursor=tampered", 422, "validation_failed"),
        ("/api/orders?limit=0", 422, "validation_failed"),
        ("/api/orders?limit=101", 422, "validation_failed"),
        ("/api/orders?status=done", 422, "validation_failed"),
        ("/api/orders?page=2", 422, "validation_failed"),
        ("/api/quotes", 422, "validation_failed"),
        ("/api/quotes?tokenIn=SOL&tokenOut=SOL&amount=1", 422, "validation_failed"),
        ("/api/quotes?tokenIn=SOL&tokenOut=USDC&amount=x", 422, "validation_failed"),
        ("/api/quotes?tokenIn=RAY&tokenOut=MET&amount=1", 422, "unsupported_pair"),
    ],
)
def test_invalid_reads_get_a_problem(http: httpx.Client, path: str, status: int, code: str) -> None:
    answer = http.get(path)
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = ProblemView.model_validate_json(answer.text)
    assert (answer.status_code, problem.status, problem.code) == (status, status, code)


PRIVATE = [
    ("POST", "/api/orders/execute"),
    ("GET", "/api/orders"),
    ("GET", f"/api/orders/{UNKNOWN_ID}"),
    ("GET", "/api/quotes?tokenIn=SOL&tokenOut=USDC&amount=1"),
    ("GET", "/health/ready"),
]


@pytest.mark.parametrize(("method", "path"), PRIVATE)
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic abc", "wrong", "Bearer " + "k" * 5000]
)
def test_private_routes_require_a_valid_key(cloud: Cloud, method: str, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = httpx.request(method, cloud.http_url + path, headers=headers, json=SOL if method == "POST" else None)
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/", "/assets/main.js", "/api/tokens", "/health", "/openapi.json", "/docs"])
def test_six_routes_are_public(cloud: Cloud, path: str) -> None:
    assert httpx.get(cloud.http_url + path, timeout=15).status_code == 200


def test_an_account_cannot_see_the_orders_of_another(cloud: Cloud, http: httpx.Client) -> None:
    order = place(http)
    with httpx.Client(base_url=cloud.http_url, headers=headers_of_new_account(cloud, f"bob-{uuid4()}")) as bob:
        foreign, unknown = bob.get(f"/api/orders/{order['orderId']}"), bob.get(f"/api/orders/{uuid4()}")
        assert (foreign.status_code, foreign.text) == (unknown.status_code, unknown.text) == (404, unknown.text)
        assert bob.get("/api/orders").json() == {"orders": [], "nextCursor": None}
        # Client order ids are scoped to the account.
        theirs = place(bob, {**SOL, "clientOrderId": order["orderId"]})
        assert theirs["orderId"] != order["orderId"]


def test_lists_are_paged_and_filtered(cloud: Cloud) -> None:
    with httpx.Client(base_url=cloud.http_url, headers=headers_of_new_account(cloud, f"carol-{uuid4()}")) as carol:
        placed = [place(carol)["orderId"] for _ in range(7)]
        failing = place(carol, {"tokenIn": "RAY", "tokenOut": "MET", "amount": 1})["orderId"]
        for order_id in (*placed, failing):
            finished(carol, order_id)
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = carol.get("/api/orders", params={"limit": 3, **({"cursor": cursor} if cursor else {})})
            PageView.model_validate_json(answer.text)
            seen += [order["orderId"] for order in answer.json()["orders"]]
            cursor = answer.json()["nextCursor"]
        assert seen == [failing, *reversed(placed)]
        failed = carol.get("/api/orders", params={"status": "failed"}).json()
        assert [order["orderId"] for order in failed["orders"]] == [failing]


def test_quotes_contain_every_venue_and_the_best(http: httpx.Client) -> None:
    answer = http.get("/api/quotes", params={"tokenIn": "SOL", "tokenOut": "USDC", "amount": "2.5"})
    quotes = QuotesView.model_validate_json(answer.text)
    amounts = [float(quote.amount_out or 0) for quote in quotes.quotes]
    assert len(amounts) == 2
    assert all(better >= worse for better, worse in pairwise(amounts))
    assert quotes.venue == quotes.quotes[0].venue


def test_tokens_and_health(http: httpx.Client) -> None:
    tokens = TokensView.model_validate_json(http.get("/api/tokens").text)
    traded = {"SOL", "USDC", "USDT", "RAY", "MET", "JUP", "BONK", "ABC"}
    assert {token.symbol for token in tokens.tokens} == traded | {"MOON", "PUMP"}
    for path in ("/health", "/health/ready"):
        HealthView.model_validate_json(http.get(path).text)


def test_the_docs_load_nothing_from_other_sites(http: httpx.Client) -> None:
    assert http.get("/openapi.json").json()["openapi"] == "3.1.0"
    page = http.get("/docs").text
    assert "swagger-ui" in page
    assert 'src="http' not in page


@pytest.mark.parametrize(("path", "largest"), [("/openapi.json", 90_000), ("/docs", 500_000)])
def test_the_docs_are_small_and_support_conditional_requests(http: httpx.Client, path: str, largest: int) -> None:
    with http.stream("GET", path) as answer:
        assert len(b"".join(answer.iter_raw())) < largest
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    tag = answer.headers["ETag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_page_must_not_be_cached_while_it_contains_a_key(cloud: Cloud, http: httpx.Client) -> None:
    page = http.get("/")
    assert cloud.api_key in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert http.get("/", headers={"If-None-Match": "*"}).status_code == 200


def test_unknown_routes_get_404(http: httpx.Client) -> None:
    assert http.get("/nothing").status_code == 404
    assert http.put("/api/orders").status_code == 404
