"""One order's stream: each event once and in order, whatever the engine and the network do."""

import asyncio
from collections.abc import Sequence

import pytest

from order_client import NotFound, Patience, Unauthenticated, Unreachable, ValidationFailed
from tests.client.fake_engine import ORDER_ID, QUICK, Connection, Peer, fake_engine

ALL = [1, 2, 3, 4, 5]


def streamed(*connections: Connection | int, after: int = 0, patience: Patience = QUICK) -> Sequence[int]:
    """The sequence numbers that a client gets from an engine with these connections."""

    async def stream() -> Sequence[int]:
        async with asyncio.timeout(15), fake_engine(*connections) as engine, engine.client(patience) as client:
            return [event.sequence async for event in client.stream(ORDER_ID, after)]

    return asyncio.run(stream())


async def all_at_once(peer: Peer) -> None:
    await peer.subscribed(after=0)
    await peer.snapshot(5)
    await peer.left()


def test_a_finished_order_is_read_from_the_snapshot() -> None:
    assert streamed(all_at_once) == ALL


def test_pushes_follow_the_snapshot_and_repeats_are_dropped() -> None:
    async def connection(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.push(1, 2)  # registered first, read second: a push may overtake the snapshot
        await peer.snapshot(3)
        await peer.push(2, 3, 4, 4, 1, 5)
        await peer.left()

    assert streamed(connection) == ALL


def test_a_dropped_connection_is_resumed_after_the_last_event() -> None:
    async def first(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.snapshot(2)
        await peer.push(3)
        peer.drop()

    async def second(peer: Peer) -> None:
        after = (await peer.asked())["afterSequence"]  # what was on its way when the line went dead may be lost
        await peer.snapshot(4, after=after)
        await peer.push(5)
        await peer.left()

    assert streamed(first, second) == ALL


def test_a_polite_close_is_resumed_too() -> None:
    async def first(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.snapshot(2)
        await peer.socket.close(code=1001)

    async def second(peer: Peer) -> None:
        await peer.subscribed(after=2)
        await peer.snapshot(5, after=2)

    assert streamed(first, second) == ALL


def test_a_gap_is_refilled_once() -> None:
    async def connection(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.snapshot(1)
        await peer.push(3, 4)  # 2 was lost; the second of them asks no second time
        await peer.subscribed(after=1)
        await peer.snapshot(4, after=1)
        await peer.push(5)
        await peer.left()

    assert streamed(connection) == ALL


def test_reordered_pushes_come_out_in_order() -> None:
    async def connection(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.snapshot(1)
        await peer.push(3, 2)
        await peer.subscribed(after=1)
        await peer.snapshot(3, after=1)
        await peer.push(5, 4)
        await peer.subscribed(after=3)
        await peer.snapshot(5, after=3)

    assert streamed(connection) == ALL


def test_a_lost_last_push_is_found_by_asking_in_silence() -> None:
    async def connection(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.snapshot(4)
        await peer.subscribed(after=4)
        await peer.snapshot(5, after=4)

    assert streamed(connection, patience=Patience(quiet=0.05)) == ALL


def test_a_connection_that_answers_nothing_is_replaced() -> None:
    async def mute(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.left()

    assert streamed(mute, all_at_once, patience=Patience(quiet=0.05, first_wait=0.01)) == ALL


def test_a_stream_may_start_anywhere_and_ends_with_an_order_that_has_ended() -> None:
    async def nothing_new(peer: Peer) -> None:
        await peer.subscribed(after=5)
        await peer.snapshot(5, after=5)

    assert streamed(nothing_new, after=5) == []


def test_other_frames_are_ignored() -> None:
    async def connection(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.send({"type": "pong"})
        await peer.send({"type": "something of tomorrow", "orderId": "another"})
        await peer.snapshot(5)

    assert streamed(connection) == ALL


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "error", "code": "database_unavailable", "message": "Later."},
        {"message": "Internal server error", "connectionId": "c", "requestId": "r"},  # API Gateway's own
    ],
)
def test_an_engine_that_is_away_is_asked_again(frame: dict[str, str]) -> None:
    async def away(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.send(frame)
        await peer.left()

    assert streamed(away, 503, all_at_once) == ALL


@pytest.mark.parametrize(("code", "error"), [("order_not_found", NotFound), ("validation_failed", ValidationFailed)])
def test_a_refusal_ends_the_stream(code: str, error: type[Exception]) -> None:
    async def refusing(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.send({"type": "error", "code": code, "message": "No.", "orderId": ORDER_ID})

    with pytest.raises(error, match=r"No\."):
        streamed(refusing)


def test_a_wrong_key_ends_the_stream() -> None:
    with pytest.raises(Unauthenticated):
        streamed(401)


def test_failures_in_a_row_are_counted() -> None:
    async def hangs_up(peer: Peer) -> None:
        await peer.subscribed(after=0)
        peer.drop()

    with pytest.raises(Unreachable):
        streamed(*[hangs_up] * QUICK.tries)


def test_progress_starts_the_count_anew() -> None:
    async def one_step(peer: Peer) -> None:
        after = (await peer.asked())["afterSequence"]
        await peer.snapshot(after + 1, after=after)
        await peer.socket.close()

    assert streamed(*[one_step] * 5) == ALL
