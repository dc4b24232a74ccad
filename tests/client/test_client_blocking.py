"""The blocking client: the same, on a thread of its own."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing

from order_client import Client
from tests.client.fake_engine import ORDER_ID, QUICK, Connection, Peer, fake_engine, history, ok


def test_it_works_inside_a_running_loop_and_leaves_no_thread() -> None:
    async def first(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.snapshot(3)
        await peer.socket.close()

    async def second(peer: Peer) -> None:
        await peer.subscribed(after=3)
        await peer.snapshot(5, after=3)
        await peer.left()

    def use(url: str) -> list[int]:
        with Client(url, url.replace("http", "ws") + "/live", "key", patience=QUICK) as client:
            assert client.get(ORDER_ID).status == "pending"
            return [event.sequence for event in client.stream(ORDER_ID)]

    async def run() -> list[int]:
        async with fake_engine(first, second, answers=[ok(history(1))]) as engine:
            return await asyncio.to_thread(use, engine.url)

    assert asyncio.run(run()) == [1, 2, 3, 4, 5]
    assert not any(thread.name == "order-client" for thread in threading.enumerate())


def test_a_stream_that_is_left_early_hangs_up() -> None:
    gone = threading.Event()

    async def connection(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.snapshot(3)
        await peer.left()
        gone.set()

    def use(url: str) -> None:
        with Client(url, url.replace("http", "ws") + "/live", "key", patience=QUICK) as client:
            with closing(client.stream(ORDER_ID)) as stream:
                assert next(stream).sequence == 1
            assert gone.wait(5)

    hangs_up(connection, use)


def test_closing_the_client_ends_its_streams() -> None:
    def use(url: str) -> None:
        with Client(url, url.replace("http", "ws") + "/live", "key", patience=QUICK) as client:
            stream = client.stream(ORDER_ID)
            assert next(stream).sequence == 1
        stream.close()

    async def connection(peer: Peer) -> None:
        await peer.subscribed(after=0)
        await peer.snapshot(3)
        await peer.left()

    hangs_up(connection, use)


def hangs_up(connection: Connection, use: Callable[[str], None]) -> None:
    async def run() -> None:
        async with fake_engine(connection) as engine:
            await asyncio.to_thread(use, engine.url)

    asyncio.run(run())
