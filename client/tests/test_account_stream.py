"""The account stream: gaps, duplicates, and events missed while disconnected."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest

from fake_engine import QUICK, Connection, Peer, ended, event, fake_engine, history, ok, resting, rests
from order_client import AsyncClient, RetryPolicy, Status, Unauthenticated, Unreachable, account_stream

A, B = "aaaaaaaa-0000-7000-8000-000000000000", "bbbbbbbb-0000-7000-8000-000000000000"
Seen = list[tuple[str, int]]


def events(order_id: str, *sequences: int) -> dict[str, object]:
    return {"type": "events", "events": [event(sequence, order_id) for sequence in sequences]}


async def accept_subscription(peer: Peer) -> None:
    assert await peer.receive() == {"action": "subscribe", "channel": "account"}
    await peer.send({"type": "subscribed", "channel": "account"})


async def take(client: AsyncClient, number: int) -> Seen:
    seen: Seen = []
    async with asyncio.timeout(15), aclosing(client.stream_account()) as stream:
        async for one in stream:
            seen.append((one.order_id, one.sequence))
            if len(seen) == number:
                break
    return seen


def streamed(
    number: int, *connections: Connection | int, reads: Sequence[dict[str, object]] = (), retries: RetryPolicy = QUICK
) -> Seen:
    """The first `number` events that a client gets; `reads` are the responses to its GETs."""

    async def stream() -> Seen:
        async with (
            fake_engine(*connections, answers=[ok(read) for read in reads]) as engine,
            engine.client(retries) as client,
        ):
            return await take(client, number)

    return asyncio.run(stream())


def test_events_of_all_orders_are_delivered_without_duplicates() -> None:
    async def connection(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.send({"type": "events", "events": [event(1, A), event(1, B), event(2, A)]})
        await peer.send(events(A, 1, 2, 3))
        await peer.expect_close()

    assert streamed(4, connection) == [(A, 1), (B, 1), (A, 2), (A, 3)]


def test_a_gap_is_filled_by_reading_the_order() -> None:
    async def connection(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.send(events(A, 1))
        await peer.send(events(A, 3, 4, 5))
        await peer.send(events(B, 1))
        await peer.expect_close()

    expected = [(A, 1), (A, 2), (A, 3), (A, 4), (A, 5), (B, 1)]
    assert streamed(6, connection, reads=[history(5, A)]) == expected


def test_after_a_reconnect_the_open_orders_are_read() -> None:
    async def first(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.send(events(A, 1, 2))
        await peer.send(events(B, 1, 2, 3, 4, 5))
        await peer.socket.close(code=1001)

    async def second(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.send(events(A, 3, 4, 5))  # already known: A was read over HTTP, B had ended
        await peer.send(events(B, 5))
        await peer.expect_close()

    seen = streamed(10, first, 503, second, reads=[history(5, A)])
    assert seen == [(A, 1), (A, 2), *((B, n) for n in range(1, 6)), (A, 3), (A, 4), (A, 5)]


def test_a_silent_connection_is_pinged_and_the_open_orders_are_read() -> None:
    async def connection(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.send(events(A, 1, 2, 3, 4))
        assert await peer.receive() == {"action": "ping"}
        await peer.send({"type": "pong"})
        await peer.expect_close()

    assert streamed(5, connection, reads=[history(5, A)], retries=RetryPolicy(quiet=0.05))[-1] == (A, 5)


def test_after_a_silence_only_those_resting_orders_are_read_that_have_changed() -> None:
    async def connection(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.send({"type": "events", "events": [rests(1, A), rests(1, B)]})
        for _ in range(2):
            assert await peer.receive() == {"action": "ping"}
            await peer.send({"type": "pong"})
        await peer.expect_close()

    still = {"orders": [resting(1, A), resting(1, B)], "nextCursor": None}
    without_b = {"orders": [resting(1, A)], "nextCursor": None}
    reads = [still, without_b, history(5, B)]
    seen = streamed(6, connection, reads=reads, retries=RetryPolicy(quiet=0.05))
    assert seen == [(A, 1), *((B, n) for n in range(1, 6))]


def test_a_replaced_order_is_read_after_a_reconnect() -> None:
    async def first(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.send({"type": "events", "events": [rests(1, A)]})
        await peer.socket.close()

    async def second(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.expect_close()

    replaced = {**resting(2, A), "events": [rests(1, A), rests(2, A)]}
    reads = [{"orders": [resting(2, A)], "nextCursor": None}, replaced]
    assert streamed(2, first, second, reads=reads) == [(A, 1), (A, 2)]


def test_a_resting_order_is_remembered_however_many_others_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_stream, "_REMEMBERED", 1)
    others = [f"{number:08}-0000-7000-8000-000000000000" for number in range(3)]

    async def connection(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.send(
            {"type": "events", "events": [rests(1, A), *(ended(1, Status.FAILED, each) for each in others)]}
        )
        await peer.send({"type": "events", "events": [rests(1, A), event(2, A)]})
        await peer.expect_close()

    assert streamed(5, connection) == [(A, 1), *((each, 1) for each in others), (A, 2)]


def test_an_established_stream_reconnects_without_limit() -> None:
    async def first(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.socket.close()

    async def last(peer: Peer) -> None:
        await accept_subscription(peer)
        await peer.send(events(A, 1))
        await peer.expect_close()

    assert streamed(1, first, *[503] * (QUICK.max_attempts * 2), last) == [(A, 1)]


def test_a_failed_first_connection_is_an_error() -> None:
    async def closed_port() -> None:
        async with AsyncClient("http://127.0.0.1:9", "ws://127.0.0.1:9", "key", retries=QUICK) as client:
            await take(client, 1)

    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        asyncio.run(closed_port())


def test_an_invalid_key_is_an_error() -> None:
    with pytest.raises(Unauthenticated):
        streamed(1, 401)
