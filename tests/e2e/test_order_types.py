"""Limit, stop and sniper orders, cancel, replace, batches and the dead man's switch, over HTTP and the WebSocket."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from order_engine.contracts.views import (
    BatchView,
    CancelAfterView,
    CancelledFrameView,
    CancelledView,
    OrderView,
    ProblemView,
)
from testing.cloud import Cloud
from testing.orders import SOL, finished, place
from testing.polling import eventually
from testing.sockets import opened

FAR = {"limit": {"orderType": "limit", "limitPrice": "1000000"}, "stop": {"orderType": "stop", "stopPrice": "0.01"}}
LIMIT = {**SOL, **FAR["limit"]}


@pytest.fixture
def account(cloud: Cloud, new_key: Callable[[], str]) -> Any:
    """A client of a new account, which has no orders yet."""
    headers = {"Authorization": f"Bearer {new_key()}"}
    with httpx.Client(base_url=cloud.http_url, headers=headers, timeout=30) as client:
        yield client


def market_price(http: httpx.Client) -> Decimal:
    swap = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": "0.001"}
    return Decimal(http.get("/api/quotes", params=swap).json()["quotes"][0]["price"])


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    ProblemView.model_validate_json(answer.text)
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["code"]) == (status, code), document
    return document


def status_of(http: httpx.Client, order: dict[str, Any]) -> str:
    return str(http.get(f"/api/orders/{order['orderId']}").json()["status"])


@pytest.mark.parametrize("type_", FAR)
def test_an_order_rests_until_it_is_cancelled(account: httpx.Client, type_: str) -> None:
    order = place(account, {**SOL, **FAR[type_]})
    assert (order["status"], order["orderType"], order["attempt"]) == ("resting", type_, 0)
    answer = account.delete(f"/api/orders/{order['orderId']}")
    OrderView.model_validate_json(answer.text)
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert account.delete(f"/api/orders/{order['orderId']}").json() == answer.json()
    document = finished(account, order["orderId"])
    assert [event["status"] for event in document["events"]] == ["resting", "cancelled"]


def test_a_limit_at_the_market_is_filled_for_no_less(account: httpx.Client) -> None:
    limit = (market_price(account) * Decimal("0.97")).quantize(Decimal("0.000001"))
    order = place(account, {**SOL, "orderType": "limit", "limitPrice": str(limit)})
    assert (order["status"], order["limitPrice"]) == ("pending", str(limit.normalize()))
    document = finished(account, order["orderId"])
    assert document["status"] == "confirmed"
    assert document["triggeredBy"] == document["events"][0]["triggeredBy"] == order["triggeredBy"]
    assert Decimal(document["amountOut"]) >= Decimal(document["minAmountOut"]) >= limit


def test_a_resting_order_is_activated_by_the_market(account: httpx.Client, cloud: Cloud) -> None:
    """A price beyond the market's is replaced by one that the market already pays: the next tick activates it."""
    order = place(account, LIMIT)
    reached = str((market_price(account) * Decimal("0.97")).quantize(Decimal("0.000001")))
    assert account.patch(f"/api/orders/{order['orderId']}", json={"limitPrice": reached}).status_code == 200
    document = finished(account, order["orderId"])
    statuses = [event["status"] for event in document["events"]]
    assert statuses == ["resting", "resting", "pending", "routing", "building", "submitted", "confirmed"]
    assert document["triggeredBy"] == document["events"][2]["triggeredBy"]


def test_a_sniper_is_executed_once_its_token_is_listed(account: httpx.Client, cloud: Cloud) -> None:
    order = place(account, {"orderType": "sniper", "tokenIn": "USDC", "tokenOut": "PUMP", "amount": "10"})
    assert order["status"] == "resting"
    with psycopg.connect(cloud.database_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO mock_chain.listings (token, venue) VALUES ('PUMP', 'raydium') ON CONFLICT DO NOTHING"
        )
    document = finished(account, order["orderId"])
    assert (document["status"], document["route"]["venue"]) == ("confirmed", "raydium")


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"orderType": "limit"}, "limitPrice", "is required for a limit order"),
        ({"orderType": "stop"}, "stopPrice", "is required for a stop order"),
        ({"orderType": "market", "limitPrice": 1}, "limitPrice", "is only for limit orders"),
        ({"limitPrice": 1}, "limitPrice", "is only for limit orders; orderType is market"),
        ({"orderType": "sniper", "stopPrice": 1}, "stopPrice", "is only for stop orders"),
        ({"orderType": "limit", "limitPrice": 0}, "limitPrice", "must be greater than 0"),
        ({"orderType": "limit", "limitPrice": "1e3"}, "limitPrice", "must be a number"),
        ({"orderType": "limit", "limitPrice": "0." + "1" * 19}, "limitPrice", "must have at most 18 decimals"),
        ({"orderType": "iceberg"}, "orderType", "must be"),
        ({"force": "yes"}, "force", "must be"),
        ({**FAR["limit"], "expiresAt": "2100-01-01T00:00:00Z"}, "expiresAt", "at most 90 days"),
    ],
)
def test_invalid_orders_are_refused(account: httpx.Client, changes: dict[str, Any], field: str, message: str) -> None:
    document = problem(account.post("/api/orders/execute", json={**SOL, **changes}), 422, "validation_failed")
    (error,) = document["errors"]
    assert error["field"] == field
    assert message in error["message"]
    assert account.get("/api/orders").json()["orders"] == []


def test_a_price_that_makes_no_sense_is_refused_with_the_markets(account: httpx.Client) -> None:
    body = {**SOL, "orderType": "stop", "stopPrice": "1000000"}
    document = problem(account.post("/api/orders/execute", json=body), 422, "price_out_of_range")
    assert abs(Decimal(document["marketPrice"]) / market_price(account) - 1) < Decimal("0.05")
    assert place(account, {**body, "force": True})["status"] == "pending"


def test_orders_that_cannot_be_cancelled(account: httpx.Client, http: httpx.Client) -> None:
    filled = finished(account, place(account)["orderId"])
    document = problem(account.delete(f"/api/orders/{filled['orderId']}"), 409, "already_finished")
    assert document["order"]["status"] == "confirmed"
    for order_id in (place(http, LIMIT)["orderId"], str(uuid4())):
        problem(account.delete(f"/api/orders/{order_id}"), 404, "order_not_found")
        problem(account.patch(f"/api/orders/{order_id}", json={"amount": 2}), 404, "order_not_found")
    problem(account.delete("/api/orders/nonsense"), 422, "validation_failed")


def test_a_resting_order_is_replaced(account: httpx.Client) -> None:
    order = place(account, LIMIT)
    url = f"/api/orders/{order['orderId']}"
    answer = account.patch(url, json={"limitPrice": "900000", "amount": "2"})
    OrderView.model_validate_json(answer.text)
    replaced = answer.json()
    assert (replaced["limitPrice"], replaced["amount"], replaced["sequence"]) == ("900000", "2", 2)
    problem(account.patch(url, json={}), 422, "validation_failed")
    problem(account.patch(url, json={"stopPrice": "1"}), 422, "validation_failed")
    problem(account.patch(url, json={"limitPrice": "1"}), 422, "price_out_of_range")
    account.delete(url)
    document = problem(account.patch(url, json={"amount": 3}), 409, "not_resting")
    assert document["order"]["status"] == "cancelled"


def test_all_orders_of_a_kind_are_cancelled(account: httpx.Client) -> None:
    sol, jup = place(account, LIMIT), place(account, {**LIMIT, "tokenIn": "JUP"})
    answer = account.delete("/api/orders", params={"status": "resting", "tokenIn": "JUP"})
    CancelledView.model_validate_json(answer.text)
    assert answer.json() == {"cancelled": [jup["orderId"]], "notCancelled": [], "complete": True}
    assert account.delete("/api/orders").json()["cancelled"] == [sol["orderId"]]
    problem(account.delete("/api/orders", params={"status": "confirmed"}), 422, "validation_failed")
    problem(account.delete("/api/orders", params={"state": "resting"}), 422, "validation_failed")


def test_a_batch_has_a_result_for_each_order(account: httpx.Client) -> None:
    key = str(uuid4())
    bodies = [
        SOL,
        {**SOL, "amount": -1},
        LIMIT,
        {**SOL, "clientOrderId": key},
        {**SOL, "clientOrderId": key},
        "nonsense",
    ]
    answer = account.post("/api/orders/batch", json={"orders": bodies})
    BatchView.model_validate_json(answer.text)
    results = answer.json()["results"]
    assert [result.get("order", {}).get("status") for result in results] == [
        "pending",
        None,
        "resting",
        "pending",
        "pending",
        None,
    ]
    assert results[1]["problem"]["errors"][0]["field"] == "amount"
    assert results[3]["order"] == results[4]["order"]
    assert [result.get("replayed") for result in results] == [False, None, False, False, True, None]
    for index in (0, 3):
        assert finished(account, results[index]["order"]["orderId"])["status"] == "confirmed"
    assert len(account.get("/api/orders").json()["orders"]) == 3


def test_a_batch_has_no_idempotency_key_of_its_own(account: httpx.Client) -> None:
    answer = account.post("/api/orders/batch", json={"orders": [SOL]}, headers={"Idempotency-Key": "key"})
    assert problem(answer, 422, "validation_failed")["errors"][0]["field"] == "Idempotency-Key"
    assert account.get("/api/orders").json()["orders"] == []


def test_cancelling_all_takes_no_body(account: httpx.Client) -> None:
    order = place(account, LIMIT)
    problem(account.request("DELETE", "/api/orders", json={"tokenIn": "BONK"}), 422, "validation_failed")
    assert status_of(account, order) == "resting"


@pytest.mark.parametrize("orders", [[], [SOL] * 101, SOL, None])
def test_a_batch_has_one_to_a_hundred_orders(account: httpx.Client, orders: object) -> None:
    problem(account.post("/api/orders/batch", json={"orders": orders}), 422, "validation_failed")
    assert account.get("/api/orders").json()["orders"] == []


def test_a_hundred_orders_fit_into_a_batch(account: httpx.Client) -> None:
    bodies = [{**LIMIT, "clientOrderId": f"{uuid4()}{'x' * 92}"} for _ in range(100)]
    results = account.post("/api/orders/batch", json={"orders": bodies}).json()["results"]
    assert [result["order"]["clientOrderId"] for result in results] == [body["clientOrderId"] for body in bodies]


def test_the_dead_mans_switch_cancels_what_is_open(account: httpx.Client) -> None:
    order = place(account, LIMIT)
    answer = account.post("/api/orders/cancel-after", json={"seconds": 1})
    CancelAfterView.model_validate_json(answer.text)
    assert datetime.fromisoformat(answer.json()["cancelAt"]).tzinfo
    eventually(lambda: status_of(account, order) == "cancelled", "the switch fires")
    assert account.post("/api/orders/cancel-after", json={"seconds": 0}).json() == {"cancelAt": None}
    for seconds in (-1, 3601, 1.5, "60", None):
        problem(account.post("/api/orders/cancel-after", json={"seconds": seconds}), 422, "validation_failed")


def test_orders_rest_and_are_cancelled_on_the_socket(cloud: Cloud, new_key: Callable[[], str]) -> None:
    headers = {"Authorization": f"Bearer {new_key()}"}
    with opened(cloud, headers) as socket, opened(cloud, headers) as other:
        assert other.ask({"action": "subscribe", "channel": "account"})["type"] == "subscribed"
        placed = socket.ask({"action": "execute", **LIMIT})
        assert (placed["type"], placed["status"]) == ("snapshot", "resting")
        cancelled = socket.ask({"action": "cancel", "orderId": placed["orderId"], "requestId": "r"})
        CancelledFrameView.model_validate(cancelled)
        assert (cancelled["status"], cancelled["requestId"]) == ("cancelled", "r")
        pushed = other.events_until(lambda events: bool(events) and events[-1]["terminal"])
        assert [event["status"] for event in pushed] == ["resting", "cancelled"]
        refused = socket.ask({"action": "cancel", "orderId": str(uuid4())})
        assert (refused["type"], refused["status"], refused["code"]) == ("error", 404, "order_not_found")
        refused = socket.ask({"action": "execute", **SOL, "orderType": "stop", "stopPrice": "1000000"})
        assert (refused["status"], refused["code"]) == (422, "price_out_of_range")
