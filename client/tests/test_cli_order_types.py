"""The commands for orders that rest, with a fake engine."""

import json
from functools import partial
from typing import Any

import pytest

from command_lines import run_command
from fake_engine import ORDER_ID, Answer, Peer, ended, event, ok, order, problem, resting, rests
from order_client import Status
from order_client.cli import app

pytestmark = pytest.mark.usefixtures("no_other_engine")

SWAP = ("sol", "usdc", "1")
TERMS = {"amount": "1", "triggerPrice": "150", "expiresAt": "2026-11-28T01:46:33.648Z"}
SAMPLE = {"price": "150.5", "source": "raydium", "at": "2026-11-21T01:46:33.648Z"}
CANCELLED = ok(order(2, status="cancelled", terminal=True))

orders = partial(run_command, app)


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (["--limit", "150"], {"orderType": "limit", "limitPrice": "150"}),
        (["--stop", "140", "--force"], {"orderType": "stop", "stopPrice": "140", "force": True}),
        (["--snipe"], {"orderType": "sniper"}),
        ([], {}),
    ],
)
def test_submit_with_an_order_type(options: list[str], sent: dict[str, Any]) -> None:
    result, engine = orders("submit", *SWAP, "--client-order-id", "mine", *options, answers=[ok(resting(), 202)])
    swap = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": "1", "clientOrderId": "mine"}
    assert engine.calls[0][1] == {**swap, **sent}
    assert result.stdout == f"placed {ORDER_ID}  1 SOL > USDC, limit 150\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit", *SWAP, "--limit", "150", "--stop", "140"],
        ["submit", *SWAP, "--snipe", "--stop", "140"],
        ["cancel"],
        ["cancel", ORDER_ID, "--all"],
        ["cancel", ORDER_ID, "--token-in", "SOL"],
        ["replace", ORDER_ID],
        ["replace", ORDER_ID, "--force"],
        ["cancel-after", "3601"],
    ],
)
def test_contradictory_usage_exits_with_2(arguments: list[str]) -> None:
    orders(*arguments, answers=[], exits=2)


def test_a_resting_order_is_watched_until_it_ends() -> None:
    events = [
        rests(terms=TERMS),
        rests(2, terms={**TERMS, "triggerPrice": "151"}),
        {**event(1), "sequence": 3, "attempt": 0, "triggeredBy": SAMPLE},
        {**event(2), "sequence": 4},
        rests(5, terms=TERMS, error={"code": "below_min_amount_out", "message": "Gone."}, retryInSeconds=2),
        {**event(1), "sequence": 6, "attempt": 0, "triggeredBy": SAMPLE},
        {**event(4), "sequence": 7, "txHash": "hash"},
        {**event(4), "sequence": 8, "txHash": "hash", "cancelRequested": True},
        {**ended(5, Status.CONFIRMED), "sequence": 9, "amountOut": "150.2"},
    ]

    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.send({**resting(), "type": "snapshot", "events": events[:1]})
        for one in events[1:]:
            await peer.send(one)
        await peer.expect_close()

    result, _ = orders(
        "submit", *SWAP, "--limit", "150", "--watch", answers=[ok(resting(), 202)], connections=[connection]
    )
    shown = [line.split(" s  ")[1].split(maxsplit=1) for line in result.stdout.splitlines()[1:]]
    assert [status for status, *_ in shown] == [one["status"] for one in events]
    details = [more[0].strip() if more else "" for _, *more in shown]
    assert details[0].startswith("1 at 150 until 2026-11-2")
    assert details[1].startswith("replaced: 1 at 151 until")
    assert details[2] == details[5] == "activated: raydium pays 150.5"
    assert details[4] == "below_min_amount_out: Gone., again in 2 s"
    assert details[7].startswith("cancellation requested")
    assert details[8] == "filled 150.2"


def test_list_and_show_a_resting_order() -> None:
    documents = [resting(), order(1, orderType="stop", stopPrice="140"), order(1, orderType="sniper"), order(1)]
    result, _ = orders("list", answers=[ok({"orders": documents, "nextCursor": None})])
    assert all(text in result.stdout for text in ("limit 150", "stop 140", "sniper", "market", "resting"))
    document = {**order(4, orderType="limit", limitPrice="150", triggeredBy=SAMPLE, cancelRequested=True), "events": []}
    shown = orders("show", ORDER_ID, answers=[ok(document)])[0].stdout
    assert all(text in shown for text in ("limit 150", "raydium pays 150.5", "cancellation requested"))


def test_cancel() -> None:
    result, engine = orders("cancel", ORDER_ID, answers=[CANCELLED])
    assert result.stdout.startswith(f"cancelled {ORDER_ID}")
    assert engine.methods == ["DELETE"]


@pytest.mark.parametrize("code", ["already_submitted", "already_finished"])
def test_an_order_that_cannot_be_cancelled_exits_with_1(code: str) -> None:
    conflict: list[Answer] = [problem(409, code, order=order(4))]
    assert "Its status is submitted." in orders("cancel", ORDER_ID, answers=conflict, exits=1)[0].stderr
    error = json.loads(orders("cancel", ORDER_ID, "--json", answers=conflict, exits=1)[0].stderr)["error"]
    assert (error["code"], error["order"]["status"]) == (code, "submitted")


def test_cancel_all() -> None:
    filters = ("--status", "resting", "--token-in", "sol", "--token-out", "usdc")
    answer = {"cancelled": [ORDER_ID], "notCancelled": [], "complete": True}
    result, engine = orders("cancel", "--all", *filters, answers=[ok(answer)])
    assert result.stdout == "cancelled 1\n"
    assert engine.calls == [("/api/orders", {"status": "resting", "tokenIn": "SOL", "tokenOut": "USDC"})]


def test_cancel_all_exits_with_1_if_an_order_may_still_be_filled() -> None:
    left = [{"orderId": ORDER_ID, "code": "already_submitted"}]
    answers = [ok({"cancelled": [], "notCancelled": left, "complete": True})]
    assert f"{ORDER_ID}  already_submitted" in orders("cancel", "--all", answers=answers, exits=1)[0].stdout
    document = json.loads(orders("cancel", "--all", "--json", answers=answers, exits=1)[0].stdout)
    assert document == {"cancelled": [], "notCancelled": left}


def test_replace() -> None:
    replaced = ok(resting(2, limitPrice="151", amount="2"))
    options = ("--limit", "151", "--amount", "2", "--expires-in", "60", "--force")
    result, engine = orders("replace", ORDER_ID, *options, answers=[replaced])
    assert result.stdout == f"replaced {ORDER_ID}  2 SOL > USDC, limit 151\n"
    body = engine.calls[0][1]
    assert body.pop("expiresAt")
    assert body == {"limitPrice": "151", "amount": "2", "force": True}


def test_a_price_out_of_range_exits_with_1_and_suggests_force() -> None:
    refused: list[Answer] = [problem(422, "price_out_of_range", marketPrice="150.25")]
    assert "--force" in orders("submit", *SWAP, "--limit", "15", answers=refused, exits=1)[0].stderr
    error = json.loads(orders("replace", ORDER_ID, "--limit", "15", "--json", answers=refused, exits=1)[0].stderr)
    assert error["error"]["marketPrice"] == "150.25"


def test_cancel_after() -> None:
    at = "2026-11-21T01:46:33.648Z"
    result, engine = orders("cancel-after", "60", "--json", answers=[ok({"cancelAt": at})])
    assert json.loads(result.stdout) == {"cancelAt": at}
    assert engine.calls == [("/api/orders/cancel-after", {"seconds": 60})]
    assert "will be cancelled at" in orders("cancel-after", "60", answers=[ok({"cancelAt": at})])[0].stdout
    assert orders("cancel-after", "0", answers=[ok({"cancelAt": None})])[0].stdout == "switched off\n"
