"""How orders end, and what is not known of them, on the command line: an engine that does as told."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from order_client import Status
from order_client.cli import app
from tests.client.conftest import forget_other_engines
from tests.client.fake_engine import (
    ORDER_ID,
    Answer,
    Connection,
    FakeEngine,
    Peer,
    ended,
    event,
    fake_engine,
    ok,
    order,
    problem,
)

SWAP = ("SOL", "USDC", "1")
UNKNOWN = [problem(503, "outcome_unknown", orderId=ORDER_ID)] * 5  # so often the command line tries


@pytest.fixture(autouse=True)
def no_other_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No local cloud, no profile, no variables."""
    forget_other_engines(tmp_path, monkeypatch)


def orders(
    *args: str, answers: Sequence[Answer | None], connections: Sequence[Connection] = (), exits: int = 0
) -> tuple[Result, FakeEngine]:
    """Run a command that exits so."""

    async def run() -> tuple[Result, FakeEngine]:
        async with fake_engine(*connections, answers=answers) as engine:
            there = ["--url", engine.url, "--ws-url", f"{engine.url}/live".replace("http", "ws"), "--key", "key"]
            return await asyncio.to_thread(CliRunner().invoke, app, [*there, *args]), engine

    result, engine = asyncio.run(run())
    assert result.exit_code == exits, result.output
    return result, engine


@pytest.mark.parametrize("status", [status for status in Status if status.terminal and status != Status.CONFIRMED])
def test_a_watched_order_that_is_not_filled_exits_with_1(status: Status) -> None:
    async def connection(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.send({**order(1), "type": "snapshot", "events": [event(1), ended(2, status)]})
        await peer.left()

    result, _ = orders("submit", *SWAP, "--watch", answers=[ok(order(1), 202)], connections=[connection], exits=1)
    assert status in result.stdout


def test_what_may_have_been_placed_is_said_with_what_helps() -> None:
    result, engine = orders("submit", *SWAP, answers=UNKNOWN, exits=3)
    (key,) = {body["clientOrderId"] for _, body in engine.calls}
    assert f"--client-order-id {key}" in result.stderr
    result, engine = orders("submit", *SWAP, "--client-order-id", "mine", "--json", answers=UNKNOWN, exits=3)
    error = json.loads(result.stderr)["error"]
    assert (error["code"], error["orderId"], error["clientOrderId"]) == ("outcome_unknown", ORDER_ID, "mine")


def test_load_counts_how_orders_end() -> None:
    ids = [f"{number}0000000-0000-7000-8000-000000000000" for number in range(4)]
    ends = [*(status for status in Status if status.terminal), "unknown"]

    async def connection(peer: Peer) -> None:
        assert await peer.asked() == {"action": "subscribe", "channel": "account"}
        await peer.send({"type": "subscribed", "channel": "account"})
        for order_id, status in zip(ids, ends, strict=False):
            await peer.send({"type": "events", "events": [event(1, order_id), ended(2, Status(status), order_id)]})
        await peer.left()

    answers = [*(ok(order(1, order_id), 202) for order_id in ids), *UNKNOWN]
    result, _ = orders("load", "5", "--in-flight", "1", "--json", answers=answers, connections=[connection], exits=1)
    counted = json.loads(result.stdout)
    assert counted["outcomes"] == dict.fromkeys(ends, 1)
    assert counted["errors"] == {"outcome_unknown": 1}
