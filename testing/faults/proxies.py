"""Proxies between the functions and their dependencies, with which tests simulate outages."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiohttp import web


class _Loop:
    """An event loop in its own thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class TcpProxy:
    """Forwards bytes. `refuse` closes every connection and accepts no new ones, `hang` holds all bytes back, and `mute`
    only those from the server; `heal` ends all three."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._loop = _Loop()
        self._to_server, self._from_server = asyncio.Event(), asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self.heal()
        self.url = urlunsplit(
            self._target._replace(netloc=f"{self._target.netloc.rsplit('@')[0]}@127.0.0.1:{self._port}")
        )

    def refuse(self) -> None:
        self._loop.call(self._stop())

    def hang(self) -> None:
        self._loop.loop.call_soon_threadsafe(self._to_server.clear)
        self.mute()

    def mute(self) -> None:
        self._loop.loop.call_soon_threadsafe(self._from_server.clear)

    def heal(self) -> None:
        for flowing in (self._to_server, self._from_server):
            self._loop.loop.call_soon_threadsafe(flowing.set)
        self._loop.call(self._listen())

    def close(self) -> None:
        self._loop.call(self._stop())
        self._loop.close()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._forward(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        try:
            copies = [
                asyncio.create_task(_copy(reader, inner_writer, self._to_server)),
                asyncio.create_task(_copy(inner_reader, writer, self._from_server)),
            ]
            try:
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for copy in copies:
                    copy.cancel()
                await asyncio.gather(*copies, return_exceptions=True)
        finally:
            inner_writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
    while data := await reader.read(65_536):
        await flowing.wait()
        writer.write(data)
        await writer.drain()


IsDown = Callable[[str, str], bool]


class AwsProxy:
    """Forwards AWS requests; those for which `is_down(service, body)` is true are aborted without a response.

    `seen` contains the requests: (access key id: the function's name, "sqs:SendMessage", name of the queue or table).
    """

    def __init__(self, url: str = "") -> None:
        self.target = url
        self.is_down: IsDown = lambda service, body: False
        self.seen: set[tuple[str, str, str]] = set()
        self._loop = _Loop()
        self._loop.call(self._start())

    @contextmanager
    def without(self, is_down: IsDown) -> Iterator[None]:
        """Set `is_down` within the context."""
        self.is_down = is_down
        try:
            yield
        finally:
            self.is_down = lambda service, body: False

    def close(self) -> None:
        self._loop.call(self._runner.cleanup())
        self._loop.call(self._session.close())
        self._loop.close()

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=8 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        scope = request.headers.get("Authorization", "").partition("/aws4_request")[0]
        service, caller = scope.rsplit("/", 1)[-1], scope.partition("Credential=")[2].partition("/")[0]
        action = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        for resource in _resources_of(json.loads(body or "{}")):
            self.seen.add((caller, f"{service}:{action}", resource))
        if self.is_down(service, body.decode()):
            return _abort(request)
        headers = {name: value for name, value in request.headers.items() if name not in ("Host", "Content-Length")}
        try:
            async with self._session.request(
                request.method, self.target + request.path_qs, data=body, headers=headers
            ) as answer:
                kept = {
                    name: value
                    for name, value in answer.headers.items()
                    if name in ("Content-Type", "x-amzn-RequestId")
                }
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
        except aiohttp.ClientError:  # the target is unavailable
            return _abort(request)


def _abort(request: web.Request) -> web.Response:
    if request.transport:  # None: the client has disconnected
        request.transport.abort()
    return web.Response()


def _resources_of(request: dict[str, Any]) -> list[str]:
    if "RequestItems" in request:
        return list(request["RequestItems"])
    return [str(request.get("TableName") or request.get("QueueUrl", "")).rpartition("/")[2]]


@contextmanager
def tcp_proxy(url: str) -> Iterator[TcpProxy]:
    """A proxy in front of a database URL."""
    proxy = TcpProxy(url)
    try:
        yield proxy
    finally:
        proxy.close()


@contextmanager
def aws_proxy() -> Iterator[AwsProxy]:
    """A proxy whose `target` is set when it is known."""
    proxy = AwsProxy()
    try:
        yield proxy
    finally:
        proxy.close()
