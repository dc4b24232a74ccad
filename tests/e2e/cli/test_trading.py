"""The command line against a running local cloud."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.cli.conftest import CommandLine

STEPS = ["pending", "routing", "building", "submitted", "confirmed"]


def test_quote(orders: CommandLine) -> None:
    document = orders.json("quote", "sol", "usdc", "1.5")
    assert document["amount"] == "1.5"
    amounts = [Decimal(quote["amountOut"]) for quote in document["quotes"]]
    assert len(amounts) == 2
    assert document["venue"] == document["quotes"][0]["venue"]
    assert amounts[0] == max(amounts)
    text = orders("quote", "SOL", "USDC", "1.5").stdout
    assert "best" in text
    assert "raydium" in text


def test_submit_and_watch(orders: CommandLine) -> None:
    text = orders("submit", "SOL", "USDC", "1", "--slippage-bps", "500", "--watch").stdout
    assert [step for line in text.splitlines() for step in STEPS if f" {step} " in line] == STEPS
    assert "filled" in text


def test_submit_and_watch_as_json(orders: CommandLine) -> None:
    events = orders.lines("--json", "submit", "SOL", "USDC", "1", "--slippage-bps", "500", "--watch")
    assert [event["status"] for event in events] == STEPS
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5]
    assert Decimal(events[-1]["amountOut"]) > 0


def test_an_order_that_fails_exits_with_1(orders: CommandLine) -> None:
    events = orders.lines("submit", "BONK", "SOL", "0.00001", "--watch", exits=1)
    assert events[-1]["status"] == "failed"
    assert events[-1]["error"]["code"]


def test_the_stricter_of_min_amount_out_and_slippage_applies(orders: CommandLine) -> None:
    arguments = ("submit", "SOL", "USDC", "1", "--min-amount-out", "1.25")
    placed = orders.json(*arguments)
    assert (placed["minAmountOut"], placed["slippageBps"]) == ("1.25", 10_000)
    assert "1.25 USDC" in orders("show", placed["orderId"]).stdout
    filled = orders.lines(*arguments, "--slippage-bps", "500", "--watch")[-1]
    assert Decimal(filled["minAmountOut"]) > 100  # the slippage limit is stricter


def test_an_order_that_expires_exits_with_1(orders: CommandLine) -> None:
    arguments = ("submit", "SOL", "USDC", "1", "--min-amount-out", "1000000", "--expires-in", "15")
    last = orders.lines(*arguments, "--watch", exits=1)[-1]
    assert (last["status"], last["error"]["code"]) == ("expired", "below_min_amount_out")
    placed = orders.json("show", last["orderId"])
    lifetime = datetime.fromisoformat(placed["expiresAt"]) - datetime.fromisoformat(placed["createdAt"])
    assert abs(lifetime.total_seconds() - 15) < 5
    assert "expired" in orders("show", last["orderId"]).stdout
    assert last["orderId"] in {order["orderId"] for order in orders.json("list", "--status", "expired")}


def test_a_repeated_client_order_id_returns_the_same_order(orders: CommandLine) -> None:
    name = uuid4().hex
    first = orders.json("submit", "SOL", "USDC", "1", "--client-order-id", name)
    assert orders.json("submit", "SOL", "USDC", "1", "--client-order-id", name) == first
    refused = orders("submit", "SOL", "USDC", "2", "--client-order-id", name, "--json", exits=1)
    assert json.loads(refused.stderr)["error"]["code"] == "idempotency_conflict"


def test_list_and_show(orders: CommandLine) -> None:
    placed = [orders.lines("submit", "SOL", "USDC", "1", "--slippage-bps", "500", "--watch")[-1] for _ in range(3)]
    ids = [event["orderId"] for event in reversed(placed)]
    assert [order["orderId"] for order in orders.json("list", "--limit", "3")] == ids
    listed = orders.json("list", "--all", "--status", "confirmed")
    assert {order["status"] for order in listed} == {"confirmed"}
    assert set(ids) <= {order["orderId"] for order in listed}
    assert ids[0] in orders("list").stdout

    shown = orders.json("show", ids[0])
    assert shown["events"][-1] == placed[-1]
    text = orders("show", ids[0]).stdout
    assert all(step in text for step in STEPS)
    assert placed[-1]["txHash"] in text


def test_watch_until_interrupted(orders: CommandLine) -> None:
    with orders.running("watch", "--json") as watch:
        assert watch.stderr is not None
        assert watch.stdout is not None
        assert "Watching" in watch.stderr.readline()
        placed = orders.json("submit", "SOL", "USDC", "1", "--slippage-bps", "500")
        seen: list[dict[str, Any]] = []
        while not seen or not seen[-1]["terminal"]:
            event = json.loads(watch.stdout.readline())
            if event["orderId"] == placed["orderId"]:
                seen.append(event)
        assert [event["status"] for event in seen] == STEPS
        assert orders.interrupt(watch) == ""


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["show", "01a1fbc8-a731-7987-8cda-4df93018d225"], "order_not_found"),
        (["show", "nonsense"], "validation_failed"),
        (["quote", "SOL", "SOL", "1"], "validation_failed"),
        (["submit", "SOL", "NOPE", "1"], "validation_failed"),
    ],
)
def test_a_rejected_request_exits_with_1(orders: CommandLine, args: list[str], code: str) -> None:
    refused = orders(*args, "--json", exits=1)
    assert refused.stdout == ""
    assert json.loads(refused.stderr)["error"]["code"] == code


def test_an_invalid_key_exits_with_4(orders: CommandLine) -> None:
    assert "--key" in orders("list", "--key", "wrong", exits=4).stderr
    assert orders("watch", "--key", "wrong", exits=4).stdout == ""
