"""The blocking client, which runs the asynchronous client in a thread."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from contextlib import closing

from fake_engine import ORDER_ID, QUICK, Connection, Peer, fake_engine, history, ok
from order_client import AsyncClient, Client


def test_it_has_the_methods_of_the_asynchronous_client() -> None:
    for name, method in inspect.getmembers(AsyncClient, inspect.isfunction):
        if not name.startswith("_") and name != "aclose":
            parameters = inspect.signature(method).parameters
            assert inspect.signature(getattr(Client, name)).parameters == parameters, name


def test_it_works_inside_a_running_loop_and_leaves_no_thread() -> None:
    async def first(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.snapshot(3)
        await peer.socket.close()

    async def second(peer: Peer) -> None:
        await peer.expect_subscription(after=3)
        await peer.snapshot(5, after=3)
        await peer.expect_close()

    def use(url: str) -> list[int]:
        with Client(url, url.replace("http", "ws") + "/live", "key", retries=QUICK) as client:
            assert client.get(ORDER_ID).status == "pending"
            return [event.sequence for event in client.stream(ORDER_ID)]

    async def run() -> list[int]:
        async with fake_engine(first, second, answers=[ok(history(1))]) as engine:
            return await asyncio.to_thread(use, engine.url)

    assert asyncio.run(run()) == [1, 2, 3, 4, 5]
    assert not any(thread.name == "order-client" for thread in threading.enumerate())


def test_closing_a_stream_early_closes_its_connection() -> None:
    closed = threading.Event()

    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.snapshot(3)
        await peer.expect_close()
        closed.set()

    def use(url: str) -> None:
        with Client(url, url.replace("http", "ws") + "/live", "key", retries=QUICK) as client:
            with closing(client.stream(ORDER_ID)) as stream:
                assert next(stream).sequence == 1
            assert closed.wait(5)

    run_with_engine(connection, use)


def test_closing_the_client_ends_its_streams() -> None:
    def use(url: str) -> None:
        with Client(url, url.replace("http", "ws") + "/live", "key", retries=QUICK) as client:
            stream = client.stream(ORDER_ID)
            assert next(stream).sequence == 1
        stream.close()

    async def connection(peer: Peer) -> None:
        await peer.expect_subscription(after=0)
        await peer.snapshot(3)
        await peer.expect_close()

    run_with_engine(connection, use)


def run_with_engine(connection: Connection, use: Callable[[str], None]) -> None:
    async def run() -> None:
        async with fake_engine(connection) as engine:
            await asyncio.to_thread(use, engine.url)

    asyncio.run(run())
