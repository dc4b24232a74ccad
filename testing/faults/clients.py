"""Clients that retry requests until they succeed and reconnect when they are disconnected."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import psutil

from testing.cloud import Cloud

ORDER = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1}
_RETRY_SECONDS = 0.2


@dataclass
class Placed:
    """An accepted order. Times in seconds since 1970; `failures`: the failed requests before it was accepted."""

    requested_at: float
    order_id: str = ""
    accepted_at: float = 0
    failures: Counter[str] = field(default_factory=Counter)


async def place(
    cloud: Cloud, session: aiohttp.ClientSession, key: str, order: Mapping[str, Any] | None = None
) -> Placed:
    """Submit an order, by default for 1 SOL in USDC, until it is accepted, always with the same key."""
    placed = Placed(time.time())
    body = {**(order or ORDER), "clientOrderId": key}
    status, document = await until_answered(cloud, session, "POST", "/api/orders/execute", body, placed.failures)
    assert status in (200, 202), document
    placed.order_id, placed.accepted_at = document["orderId"], time.time()
    return placed


async def until_answered(
    cloud: Cloud,
    session: aiohttp.ClientSession,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    failures: Counter[str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Repeat a request until it succeeds or is refused; returns the status and the document, and counts `failures`."""
    failures = Counter() if failures is None else failures
    while True:
        wait = _RETRY_SECONDS
        try:
            async with session.request(
                method, cloud.http_url + path, json=body, timeout=aiohttp.ClientTimeout(30)
            ) as answer:
                document = await answer.json(content_type=None)
                # 401: an emulator that was killed has no keys until they are seeded again.
                if answer.status < 500 and answer.status != 401:
                    return answer.status, document
                failures[str(document.get("code") or answer.status)] += 1
                wait = float(answer.headers.get("Retry-After", wait))
        except (aiohttp.ClientError, TimeoutError) as error:
            failures[type(error).__name__] += 1
        assert psutil.Process(cloud.pid).status() != psutil.STATUS_ZOMBIE, "the local cloud itself has died"
        await asyncio.sleep(wait)


async def listen(
    cloud: Cloud,
    session: aiohttp.ClientSession,
    on_event: Callable[[dict[str, Any]], None],
    sockets: set[aiohttp.ClientWebSocketResponse] | None = None,
) -> None:
    """Pass every event of the account stream to `on_event`, forever; `sockets` contains the open connection."""
    sockets = set() if sockets is None else sockets
    while True:
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.ws_connect(cloud.websocket_url, heartbeat=None) as socket:
                sockets.add(socket)
                await socket.send_json({"action": "subscribe", "channel": "account"})
                async for message in socket:
                    for event in json.loads(message.data).get("events", []):
                        on_event(event)
                sockets.discard(socket)
        await asyncio.sleep(_RETRY_SECONDS)
