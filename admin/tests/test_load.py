"""`orders-admin load` against a fake engine."""

import json

import pytest

from command_lines import run_command
from fake_engine import ORDER_ID, Peer, ended, event, ok, order, problem
from order_admin import load_run
from order_admin.app import app
from order_client import Status


def test_load_counts_the_outcomes_of_orders() -> None:
    ids = [f"{number}0000000-0000-7000-8000-000000000000" for number in range(4)]
    ends = [*(status for status in Status if status.terminal), "unknown"]

    async def connection(peer: Peer) -> None:
        assert await peer.receive() == {"action": "subscribe", "channel": "account"}
        await peer.send({"type": "subscribed", "channel": "account"})
        for order_id, status in zip(ids, ends, strict=False):
            await peer.send({"type": "events", "events": [event(1, order_id), ended(2, Status(status), order_id)]})
        await peer.expect_close()

    unknown = [problem(503, "outcome_unknown", orderId=ORDER_ID)] * 5  # the number of attempts that the client makes
    answers = [*(ok(order(1, order_id), 202) for order_id in ids), *unknown]
    load = ("load", "5", "--in-flight", "1", "--json")
    result, _ = run_command(app, *load, answers=answers, connections=[connection], exits=1)
    counted = json.loads(result.stdout)
    assert counted["outcomes"] == dict.fromkeys(ends, 1)
    assert counted["errors"] == {"outcome_unknown": 1}


def test_load_places_orders_in_batches() -> None:
    ids = [f"{number}0000000-0000-7000-8000-000000000000" for number in range(3)]

    async def connection(peer: Peer) -> None:
        assert await peer.receive() == {"action": "subscribe", "channel": "account"}
        await peer.send({"type": "subscribed", "channel": "account"})
        for order_id in ids:
            await peer.send({"type": "events", "events": [ended(1, Status.CONFIRMED, order_id)]})
        await peer.expect_close()

    accepted = [{"order": order(1, order_id), "replayed": False} for order_id in ids]
    refused = {"problem": {"status": 422, "code": "validation_failed", "detail": "No."}}
    answers = [ok({"results": [accepted[0], refused]}), ok({"results": accepted[1:]})]
    load = ("load", "4", "--in-flight", "2", "--batch", "2", "--json")
    result, engine = run_command(app, *load, answers=answers, connections=[connection], exits=1)
    assert json.loads(result.stdout)["outcomes"] == {"confirmed": 3, "refused": 1}
    assert {path for path, _ in engine.calls} == {"/api/orders/batch"}


def test_a_key_that_is_revoked_during_the_load_exits_with_4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_run, "_CHECK_SECONDS", 0.05)

    async def connection(peer: Peer) -> None:
        assert await peer.receive() == {"action": "subscribe", "channel": "account"}
        await peer.send({"type": "subscribed", "channel": "account"})
        await peer.expect_close()

    answers = [ok(order(1), 202), problem(401, "unauthenticated")]
    result, _ = run_command(app, "load", "1", answers=answers, connections=[connection], exits=4)
    assert "unauthenticated" in result.stderr
