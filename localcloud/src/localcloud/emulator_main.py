"""Runs ministack, in its own Python environment, with some changes for the local cloud.

- A send wakes waiting ReceiveMessage calls at once, and so does an operation that may free a FIFO group, such as a
  delete (ministack polls every 100 ms).
- A send to a FIFO queue does not scan all messages of the last five minutes.
- A request that names its operation bypasses ministack's dispatch over all services.
- uvicorn is the server, which parses requests in C.
- When the cloud that started it is gone, it saves its state and stops.
"""

import asyncio
import contextlib
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

_SERVICES = {"AmazonSQS": "sqs", "DynamoDB_20120810": "dynamodb"}
"""Services by the first part of the header X-Amz-Target."""
_FREEING = ("DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch")


class _Wake:
    """Replaces the event that ministack sets whenever a message becomes available."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event
        self.arrived = asyncio.Event()

    def set(self) -> None:
        self._event.set()
        self.look_again()

    def look_again(self) -> None:
        """Wakes the calls that wait for messages."""
        self.arrived.set()
        self.arrived.clear()


class _Asyncio:
    """Replaces the asyncio module inside ministack's SQS: its `sleep` ends when a message arrives."""

    def __init__(self, wake: _Wake) -> None:
        self._wake = wake

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.arrived.wait(), seconds)


def _waking(wake: _Wake, act: Callable[..., Any]) -> Callable[..., Any]:
    """The action, after which the calls that wait for messages check the queue again."""

    def act_and_wake(*arguments: Any) -> Any:
        try:
            return act(*arguments)
        finally:
            wake.look_again()

    return act_and_wake


class _Prune:
    """Removes deduplication ids that are older than five minutes, at most once a second per queue."""

    def __init__(self, prune: Callable[[dict[str, Any]], None]) -> None:
        self._prune = prune
        self._pruned_at: dict[int, float] = {}

    def __call__(self, queue: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self._pruned_at.get(id(queue), 0) >= 1:
            self._pruned_at[id(queue)] = now
            self._prune(queue)


class _Shortcut:
    """An ASGI application that passes requests whose X-Amz-Target names SQS or DynamoDB directly to that service."""

    def __init__(self, ministack: Any) -> None:
        self._everything = ministack.app
        self._handlers = {target: ministack.SERVICE_HANDLERS[service] for target, service in _SERVICES.items()}

    async def __call__(self, scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope.get("headers", ())}
        handle = self._handlers.get(headers.get("x-amz-target", "").partition(".")[0])
        if handle is None:
            await self._everything(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        status, fields, answer = await handle(scope["method"], scope["path"], headers, body, {})
        fields |= {"Content-Type": "application/x-amz-json-1.0", "Content-Length": str(len(answer))}
        encoded = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": answer})


def _stop_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    del sys.argv[1:]  # the state's directory, which only identifies this process in the process list
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    sqs = importlib.import_module("ministack.services.sqs")
    wake = _Wake(sqs.esm_wake)
    vars(sqs).update(esm_wake=wake, asyncio=_Asyncio(wake), _prune_dedup=_Prune(vars(sqs)["_prune_dedup"]))
    handlers = vars(sqs)["_HANDLERS"]
    for action in _FREEING:
        handlers[action] = _waking(wake, handlers[action])
    importlib.import_module("uvicorn").run(
        _Shortcut(importlib.import_module("ministack.app")),
        host=os.environ["BIND_HOST"],
        port=int(os.environ["EDGE_PORT"]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
