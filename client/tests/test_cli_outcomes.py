"""How the command line reports final statuses and unknown outcomes, with a fake engine."""

import json
from functools import partial

import pytest

from command_lines import run_command
from fake_engine import (
    ORDER_ID,
    Peer,
    ended,
    event,
    ok,
    order,
    problem,
)
from order_client import Status
from order_client.cli import app

pytestmark = pytest.mark.usefixtures("no_other_engine")

SWAP = ("SOL", "USDC", "1")
UNKNOWN = [problem(503, "outcome_unknown", orderId=ORDER_ID)] * 5  # the number of attempts that the command line makes


orders = partial(run_command, app)


@pytest.mark.parametrize("status", [status for status in Status if status.terminal and status != Status.CONFIRMED])
def test_a_watched_order_that_is_not_filled_exits_with_1(status: Status) -> None:
    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.send({**order(1), "type": "snapshot", "events": [event(1), ended(2, status)]})
        await peer.expect_close()

    result, _ = orders("submit", *SWAP, "--watch", answers=[ok(order(1), 202)], connections=[connection], exits=1)
    assert status in result.stdout


def test_an_unknown_outcome_is_reported_with_the_client_order_id() -> None:
    result, engine = orders("submit", *SWAP, answers=UNKNOWN, exits=3)
    (key,) = {body["clientOrderId"] for _, body in engine.calls}
    assert f"--client-order-id {key}" in result.stderr
    result, engine = orders("submit", *SWAP, "--client-order-id", "mine", "--json", answers=UNKNOWN, exits=3)
    error = json.loads(result.stderr)["error"]
    assert (error["code"], error["orderId"], error["clientOrderId"]) == ("outcome_unknown", ORDER_ID, "mine")
