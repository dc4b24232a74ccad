"""Orders that rest, from their placement to their end, against a running local cloud."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from order_client import Client, NewOrder, Order, ValidationFailed
from testing.polling import eventually
from tests.e2e.cli.conftest import CommandLine

SWAP = ("SOL", "USDC", "1")


@pytest.fixture
def key(admin: CommandLine) -> str:
    """The key of an account of its own, whose orders are those of one test."""
    created: dict[str, str] = admin.json("keys", "create", f"resting-{datetime.now(UTC).timestamp()}")
    return created["key"]


@pytest.fixture
def trader(orders: CommandLine, key: str, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The traders' command line with that key."""
    monkeypatch.setenv("ORDERS_URL", orders.cloud.http_url)
    monkeypatch.setenv("ORDERS_API_KEY", key)
    return orders


@pytest.fixture
def price(orders: CommandLine) -> Decimal:
    """What the best venue pays for SOL, in whole USDC."""
    quote = orders.json("quote", "SOL", "USDC", "0.01")["quotes"][0]
    return Decimal(quote["price"]).quantize(Decimal(1))


def statuses(trader: CommandLine, order_id: str) -> list[str]:
    return [event["status"] for event in trader.json("show", order_id)["events"]]


def test_a_limit_order_is_placed_listed_replaced_and_cancelled(trader: CommandLine, price: Decimal) -> None:
    placed = trader.json("submit", *SWAP, "--limit", str(price * 2))
    order_id = placed["orderId"]
    assert (placed["status"], placed["orderType"], Decimal(placed["limitPrice"])) == ("resting", "limit", price * 2)
    lifetime = datetime.fromisoformat(placed["expiresAt"]) - datetime.fromisoformat(placed["createdAt"])
    assert abs(lifetime - timedelta(days=7)) < timedelta(minutes=1)
    assert [order["orderId"] for order in trader.json("list", "--status", "resting")] == [order_id]
    assert f"limit {price * 2}" in trader("list").stdout

    terms = ("--limit", str(price * 3), "--amount", "2", "--expires-in", "3600")
    replaced = trader.json("replace", order_id, *terms)
    assert (replaced["orderId"], replaced["sequence"], replaced["amount"]) == (order_id, 2, "2")
    assert Decimal(replaced["limitPrice"]) == price * 3
    assert "replaced: 2 at" in trader("show", order_id).stdout

    assert trader("cancel", order_id).stdout.startswith(f"cancelled {order_id}")
    assert trader.json("cancel", order_id)["status"] == "cancelled"  # safe to repeat
    assert statuses(trader, order_id) == ["resting", "resting", "cancelled"]
    refused = trader("replace", order_id, *terms, "--json", exits=1)
    error = json.loads(refused.stderr)["error"]
    assert (error["code"], error["order"]["status"]) == ("not_resting", "cancelled")


def test_an_order_that_has_ended_cannot_be_cancelled(trader: CommandLine) -> None:
    filled = trader.lines("submit", *SWAP, "--slippage-bps", "500", "--watch")[-1]
    refused = trader("cancel", filled["orderId"], "--json", exits=1)
    error = json.loads(refused.stderr)["error"]
    assert (error["code"], error["order"]["status"]) == ("already_finished", "confirmed")


def test_a_limit_at_the_market_is_filled_and_not_below_it(trader: CommandLine, price: Decimal) -> None:
    limit = price * Decimal("0.98")
    events = trader.lines("submit", *SWAP, "--limit", str(limit), "--watch")
    assert (events[0]["status"], events[-1]["status"]) == ("pending", "confirmed")
    assert Decimal(events[0]["triggeredBy"]["price"]) >= limit
    assert Decimal(events[-1]["executedPrice"]) >= limit
    assert "pays" in trader("show", events[0]["orderId"]).stdout


def test_a_price_out_of_range_can_be_forced(trader: CommandLine, price: Decimal) -> None:
    limit = ("submit", *SWAP, "--limit", str(price / 2))
    error = json.loads(trader(*limit, "--json", exits=1).stderr)["error"]
    assert error["code"] == "price_out_of_range"
    assert abs(Decimal(error["marketPrice"]) - price) < price / 10
    assert trader.lines(*limit, "--force", "--watch")[-1]["status"] == "confirmed"
    assert "--force" in trader("submit", *SWAP, "--stop", str(price * 2), exits=1).stderr


def test_a_replaced_price_that_the_market_pays_activates_the_order(trader: CommandLine, price: Decimal) -> None:
    order_id = trader.json("submit", *SWAP, "--limit", str(price * 2))["orderId"]
    trader("replace", order_id, "--limit", str(price * Decimal("0.97")))
    eventually(lambda: trader.json("show", order_id)["status"] == "confirmed", "the order is filled")
    assert statuses(trader, order_id)[:3] == ["resting", "resting", "pending"]


def test_a_resting_order_is_watched_until_it_is_cancelled(trader: CommandLine, price: Decimal) -> None:
    with trader.running("submit", *SWAP, "--limit", str(price * 2), "--watch", "--json") as watching:
        assert watching.stdout is not None
        first = json.loads(watching.stdout.readline())
        assert first["status"] == "resting"
        trader("replace", first["orderId"], "--limit", str(price * 3))
        replaced = json.loads(watching.stdout.readline())
        assert Decimal(replaced["terms"]["triggerPrice"]) == price * 3
        trader("cancel", first["orderId"])
        rest, _ = watching.communicate(timeout=20)
        assert [json.loads(line)["status"] for line in rest.splitlines()] == ["cancelled"]
        assert watching.returncode == 1


def test_cancel_all_cancels_the_open_orders_that_are_meant(trader: CommandLine, price: Decimal) -> None:
    far = ("--limit", str(price * 2))
    selling = {trader.json("submit", *SWAP, *far)["orderId"] for _ in range(2)}
    stop = trader.json("submit", "SOL", "USDT", "1", "--stop", str(price / 2))["orderId"]
    assert trader.json("cancel", "--all", "--token-out", "JUP") == {"cancelled": [], "notCancelled": []}
    assert set(trader.json("cancel", "--all", "--token-out", "usdc")["cancelled"]) == selling
    assert [order["orderId"] for order in trader.json("list", "--status", "resting")] == [stop]
    assert trader("cancel", "--all", "--status", "resting").stdout == "cancelled 1\n"
    assert {order["status"] for order in trader.json("list")} == {"cancelled"}


def test_cancel_after_cancels_the_open_orders(trader: CommandLine, price: Decimal) -> None:
    order_id = trader.json("submit", *SWAP, "--limit", str(price * 2))["orderId"]
    assert datetime.fromisoformat(trader.json("cancel-after", "3600")["cancelAt"]) > datetime.now(UTC)
    assert trader.json("cancel-after", "0") == {"cancelAt": None}
    assert "unless this is repeated" in trader("cancel-after", "1").stdout
    eventually(lambda: trader.json("show", order_id)["status"] == "cancelled", "the order is cancelled")


def test_a_sniper_is_filled_once_its_token_is_launched(trader: CommandLine, admin: CommandLine) -> None:
    order_id = trader.json("submit", "USDC", "PUMP", "10", "--snipe")["orderId"]
    assert trader.json("show", order_id)["status"] == "resting"
    assert admin.json("launch", "pump", "--venue", "meteora") == {"token": "PUMP", "venue": "meteora", "new": True}
    eventually(lambda: trader.json("show", order_id)["status"] == "confirmed", "the sniper is filled")
    assert admin("launch", "PUMP", "--venue", "meteora").stdout == "PUMP is already listed on meteora\n"


def test_load_in_batches(admin: CommandLine) -> None:
    result = admin.json("load", "60", "--batch", "25", "--slippage-bps", "5000")
    assert result["outcomes"] == {"confirmed": 60}
    assert 0 < result["acceptedMs"]["p50"] <= result["confirmedMs"]["max"]
    refused = admin.json("load", "4", "--batch", "2", "--amount", "-1", exits=1)
    assert (refused["outcomes"], refused["errors"]) == ({"refused": 4}, {"validation_failed": 4})


def test_the_client_places_watches_replaces_and_cancels(orders: CommandLine, key: str, price: Decimal) -> None:
    with Client(orders.cloud.http_url, orders.cloud.websocket_url, key) as client:
        order = client.submit("SOL", "USDC", "1", limit_price=price * 2)
        seen: list[Any] = []
        for event in client.stream(order.order_id):
            seen.append((event.status, event.terms and event.terms.trigger_price))
            if event.sequence == 1:
                client.replace(order.order_id, limit_price=price * 3)
            if event.sequence == 2:
                client.cancel(order.order_id)
        assert seen == [("resting", price * 2), ("resting", price * 3), ("cancelled", None)]

        new = [NewOrder("SOL", "USDC", 1, client_order_id="same", limit_price=price * 2), NewOrder("SOL", "SOL", 1)]
        first, refused = client.submit_many(new)
        assert isinstance(first, Order)
        assert isinstance(refused, ValidationFailed)
        assert client.submit_many(new[:1]) == (first,)
        assert client.cancel_all().cancelled == (first.order_id,)
