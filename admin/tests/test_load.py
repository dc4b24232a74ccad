"""`orders-admin load` against a fake engine."""

import json

from command_lines import run_command
from fake_engine import ORDER_ID, Peer, ended, event, ok, order, problem
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
