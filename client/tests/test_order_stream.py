"""The order stream delivers each event once and in order, despite faults of the engine and the network."""

import asyncio
from collections.abc import Sequence

import pytest

from fake_engine import ORDER_ID, QUICK, Connection, Peer, ended, fake_engine, resting, rests
from order_client import NotFound, RetryPolicy, Status, Unauthenticated, Unavailable, Unreachable, ValidationFailed

ALL = [1, 2, 3, 4, 5]


def streamed(*connections: Connection | int, after: int = 0, retries: RetryPolicy = QUICK) -> Sequence[int]:
    """The sequence numbers that a client gets from an engine with these connections."""

    async def stream() -> Sequence[int]:
        async with asyncio.timeout(15), fake_engine(*connections) as engine, engine.client(retries) as client:
            return [event.sequence async for event in client.stream(ORDER_ID, after)]

    return asyncio.run(stream())


async def all_at_once(peer: Peer) -> None:
    await peer.expect_subscription(after=0)
    await peer.snapshot(5)
    await peer.expect_close()


def test_a_finished_order_is_read_from_the_snapshot() -> None:
    assert streamed(all_at_once) == ALL


def test_pushes_follow_the_snapshot_and_duplicates_are_dropped() -> None:
    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.push(1, 2)  # the engine subscribes before it reads: a push may overtake the snapshot
        await peer.snapshot(3)
        await peer.push(2, 3, 4, 4, 1, 5)
        await peer.expect_close()

    assert streamed(connection) == ALL


def test_a_dropped_connection_is_resumed_after_the_last_event() -> None:
    async def first(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.snapshot(2)
        await peer.push(3)
        peer.drop()

    async def second(peer: Peer) -> None:
        after = (await peer.receive())["afterSequence"]  # 2 or 3: event 3 may be lost with the connection
        await peer.snapshot(4, after=after)
        await peer.push(5)
        await peer.expect_close()

    assert streamed(first, second) == ALL


def test_a_clean_close_is_resumed_too() -> None:
    async def first(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.snapshot(2)
        await peer.socket.close(code=1001)

    async def second(peer: Peer) -> None:
        await peer.expect_subscription(after=2)
        await peer.snapshot(5, after=2)

    assert streamed(first, second) == ALL


def test_a_gap_is_requested_once() -> None:
    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.snapshot(1)
        await peer.push(3, 4)  # 2 was lost; 4 does not cause a second request
        await peer.expect_subscription(after=1)
        await peer.snapshot(4, after=1)
        await peer.push(5)
        await peer.expect_close()

    assert streamed(connection) == ALL


def test_reordered_pushes_are_delivered_in_order() -> None:
    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.snapshot(1)
        await peer.push(3, 2)
        await peer.expect_subscription(after=1)
        await peer.snapshot(3, after=1)
        await peer.push(5, 4)
        await peer.expect_subscription(after=3)
        await peer.snapshot(5, after=3)

    assert streamed(connection) == ALL


def test_a_lost_final_push_is_recovered_after_a_silence() -> None:
    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.snapshot(4)
        await peer.expect_subscription(after=4)
        await peer.snapshot(5, after=4)

    assert streamed(connection, retries=RetryPolicy(quiet=0.05)) == ALL


def test_an_unresponsive_connection_is_replaced() -> None:
    async def silent(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.expect_close()

    assert streamed(silent, all_at_once, retries=RetryPolicy(quiet=0.05, initial_backoff=0.01)) == ALL


def test_a_stream_after_the_final_event_ends_without_events() -> None:
    async def nothing_new(peer: Peer) -> None:
        await peer.expect_subscription(after=5)
        await peer.snapshot(5, after=5)

    assert streamed(nothing_new, after=5) == []


def test_other_frames_are_ignored() -> None:
    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.send({"type": "pong"})
        await peer.send({"type": "a future type", "orderId": "another"})
        await peer.snapshot(5)

    assert streamed(connection) == ALL


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "error", "code": "database_unavailable", "message": "Later."},
        {"message": "Internal server error", "connectionId": "c", "requestId": "r"},  # API Gateway's own error frame
    ],
)
def test_the_subscription_is_retried_while_the_engine_is_unavailable(frame: dict[str, str]) -> None:
    async def unavailable(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.send(frame)
        await peer.expect_close()

    assert streamed(unavailable, 503, all_at_once) == ALL


@pytest.mark.parametrize(("code", "error"), [("order_not_found", NotFound), ("validation_failed", ValidationFailed)])
def test_a_permanent_error_ends_the_stream(code: str, error: type[Exception]) -> None:
    async def reject(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.send({"type": "error", "code": code, "message": "No.", "orderId": ORDER_ID})

    with pytest.raises(error, match=r"No\."):
        streamed(reject)


def test_an_invalid_key_ends_the_stream() -> None:
    with pytest.raises(Unauthenticated):
        streamed(401)


def test_the_number_of_consecutive_failures_is_limited() -> None:
    async def abort(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        peer.drop()

    with pytest.raises(Unreachable):
        streamed(*[abort] * QUICK.max_attempts)


def test_progress_resets_the_count_of_failures() -> None:
    async def one_step(peer: Peer) -> None:
        after = (await peer.receive())["afterSequence"]
        await peer.snapshot(after + 1, after=after)
        await peer.socket.close()

    assert streamed(*[one_step] * 5) == ALL


def test_while_an_order_rests_the_stream_reconnects_without_limit() -> None:
    async def first(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.send({**resting(), "type": "snapshot", "events": [rests()]})
        await peer.socket.close()

    async def last(peer: Peer) -> None:
        await peer.expect_subscription(after=1)
        await peer.send({**resting(), "type": "snapshot", "events": []})
        peer.drop()

    async def filled(peer: Peer) -> None:
        await peer.expect_subscription(after=1)
        await peer.snapshot(5, after=1)

    outage = [503] * (QUICK.max_attempts * 2)
    assert streamed(first, *outage, last, *outage, filled) == ALL


def test_after_an_order_was_activated_the_number_of_failures_is_limited() -> None:
    async def activated(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.send({**resting(), "type": "snapshot", "events": [rests()]})
        await peer.push(2)
        await peer.socket.close()

    with pytest.raises(Unavailable):
        streamed(activated, *[503] * QUICK.max_attempts)


def test_a_silent_resting_order_is_polled() -> None:
    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.send({**resting(), "type": "snapshot", "events": [rests()]})
        for _ in range(QUICK.max_attempts * 2):
            await peer.expect_subscription(after=1)
            await peer.send({**resting(), "type": "snapshot", "events": []})
        await peer.expect_subscription(after=1)
        await peer.snapshot(5, after=1)

    assert streamed(connection, retries=RetryPolicy(quiet=0.05)) == ALL


def test_an_order_that_rests_again_has_one_attempt_less() -> None:
    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.send({**resting(), "type": "snapshot", "events": [rests()]})
        await peer.push(2, 3)
        await peer.send(rests(4, error={"code": "below_min_amount_out", "message": "Gone."}, retryInSeconds=1))
        await peer.send({**ended(5, Status.CANCELLED), "attempt": 0})

    assert streamed(connection) == ALL
