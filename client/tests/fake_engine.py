"""A fake engine that follows a script: it drops connections, repeats, reorders or omits events, or is unavailable."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from order_client import AsyncClient, RetryPolicy, Status

ORDER_ID = "01a1fbc8-a731-7987-8cda-4df93018d225"
STEPS = (Status.PENDING, Status.ROUTING, Status.BUILDING, Status.SUBMITTED, Status.CONFIRMED)
QUICK = RetryPolicy(timeout=2, quiet=2, max_attempts=3, initial_backoff=0.01, max_backoff=0.02, max_retry_after=1)

Document = dict[str, Any]


def event(sequence: int, order_id: str = ORDER_ID) -> Document:
    """The event with this sequence number of an order that is filled; the fifth is the last."""
    return {
        "type": "status",
        "orderId": order_id,
        "sequence": sequence,
        "status": STEPS[sequence - 1].value,
        "attempt": 1,
        "at": "2026-11-21T01:46:33.648Z",
        "terminal": sequence == len(STEPS),
        "aFutureField": True,
    }


def order(sequence: int, order_id: str = ORDER_ID, **more: Any) -> Document:
    """An order whose last event has this sequence number."""
    last = event(sequence, order_id)
    requested = {"orderType": "market", "tokenIn": "SOL", "tokenOut": "USDC", "amount": "1", "slippageBps": 50}
    state = {name: last[name] for name in ("orderId", "sequence", "status", "attempt", "terminal")}
    times = {"createdAt": last["at"], "expiresAt": "2026-11-21T01:51:33.648Z"}
    return {**requested, **times, **state, **more}


def ended(sequence: int, status: Status, order_id: str = ORDER_ID) -> Document:
    """The event with this sequence number, which ends the order with this status."""
    return {**event(sequence, order_id), "status": status.value, "terminal": True}


def rests(sequence: int = 1, order_id: str = ORDER_ID, **more: Any) -> Document:
    """The event with this sequence number of an order that rests, for the first time or again."""
    return {**event(1, order_id), "sequence": sequence, "status": Status.RESTING.value, "attempt": 0, **more}


def resting(sequence: int = 1, order_id: str = ORDER_ID, **more: Any) -> Document:
    """A limit order that rests since the event with this sequence number."""
    price = {"orderType": "limit", "limitPrice": "150"}
    return {**order(1, order_id), **price, "sequence": sequence, "status": Status.RESTING.value, "attempt": 0, **more}


def history(sequence: int, order_id: str = ORDER_ID, after: int = 0) -> Document:
    """An order with its events after a sequence number."""
    return order(sequence, order_id, events=[event(number, order_id) for number in range(after + 1, sequence + 1)])


@dataclass
class Peer:
    """The engine's end of one WebSocket connection."""

    socket: web.WebSocketResponse
    request: web.Request

    async def receive(self) -> Document:
        """The client's next message."""
        message = await self.socket.receive(timeout=5)
        assert message.type is WSMsgType.TEXT, message
        document: Document = json.loads(message.data)
        return document

    async def expect_subscription(self, after: int) -> None:
        """Expect a subscription to the order after this sequence number."""
        assert await self.receive() == {"action": "subscribe", "orderId": ORDER_ID, "afterSequence": after}

    async def snapshot(self, sequence: int, after: int = 0) -> None:
        """Send the response to a subscription."""
        await self.send({**history(sequence, after=after), "type": "snapshot"})

    async def push(self, *sequences: int) -> None:
        """Send events of the order, one frame each."""
        for sequence in sequences:
            await self.send(event(sequence))

    async def send(self, frame: Document) -> None:
        """Send any frame."""
        await self.socket.send_str(json.dumps(frame))

    def drop(self) -> None:
        """Abort the connection without a close frame."""
        assert self.request.transport is not None
        self.request.transport.abort()

    async def expect_close(self) -> None:
        """Expect the client to close the connection."""
        message = await self.socket.receive(timeout=5)
        assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED), message


Connection = Callable[[Peer], Awaitable[None]]
Answer = Callable[[web.Request], web.Response]


@dataclass
class FakeEngine:
    """Follows a script for each connection and request, in order, and records what happened."""

    connections: Sequence[Connection | int]
    """The script of each connection; a number rejects the handshake with this status."""
    answers: Sequence[Answer | None]
    """The response to each request; None drops the connection without one."""
    url: str = ""
    connected: int = 0
    calls: list[tuple[str, Document]] = field(default_factory=list)
    """Path and body (or query) of each request."""
    methods: list[str] = field(default_factory=list)
    """The HTTP method of each request."""
    problems: list[BaseException] = field(default_factory=list)

    def client(self, retries: RetryPolicy = QUICK) -> AsyncClient:
        """A client for this engine."""
        return AsyncClient(self.url, f"{self.url}/live".replace("http", "ws"), "key", retries=retries)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Handle a WebSocket connection."""
        assert request.headers["Authorization"] == "Bearer key"
        script = self.connections[self.connected]
        self.connected += 1
        if isinstance(script, int):
            return web.Response(status=script)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        try:
            await script(Peer(socket, request))
        except Exception as problem:
            self.problems.append(problem)
        return socket

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Handle an HTTP request."""
        body = await request.json() if request.can_read_body else dict(request.query)
        self.calls.append((request.path, body))
        self.methods.append(request.method)
        answer = self.answers[len(self.calls) - 1]
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer(request)


@asynccontextmanager
async def fake_engine(
    *connections: Connection | int, answers: Sequence[Answer | None] = ()
) -> AsyncIterator[FakeEngine]:
    """Run a fake engine. Raises at the end if a script failed, or if a connection or request was not made."""
    engine = FakeEngine(connections, answers)
    app = web.Application()
    app.add_routes([web.get("/live", engine.connect), web.route("*", "/{path:.*}", engine.call)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        engine.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield engine
    finally:
        await runner.cleanup()
    if engine.problems:
        raise engine.problems[0]
    assert engine.connected == len(connections)
    assert len(engine.calls) == len(answers)


def ok(document: Any, status: int = 200) -> Answer:
    """A JSON response."""
    return lambda _: web.json_response(document, status=status)


def problem(status: int, code: str, retry_after: str | None = None, **more: Any) -> Answer:
    """A problem+json response."""
    document = {"status": status, "code": code, "detail": f"This is {code}.", **more}
    headers = {"Retry-After": retry_after} if retry_after else {}
    return lambda _: web.json_response(
        document, status=status, headers=headers, content_type="application/problem+json"
    )
