"""Clients that retry requests until they succeed and reconnect when they are disconnected."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
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


async def place(cloud: Cloud, session: aiohttp.ClientSession, key: str) -> Placed:
    """Submit an order for 1 SOL in USDC until it is accepted, always with the same key."""
    placed = Placed(time.time())
    url, order = f"{cloud.http_url}/api/orders/execute", {**ORDER, "clientOrderId": key}
    while True:
        wait = _RETRY_SECONDS
        try:
            async with session.post(url, json=order, timeout=aiohttp.ClientTimeout(30)) as answer:
                document = await answer.json(content_type=None)
                if answer.status in (200, 202):
                    placed.order_id, placed.accepted_at = document["orderId"], time.time()
                    return placed
                assert answer.status >= 500, document
                placed.failures[str(document.get("code") or answer.status)] += 1
                wait = float(answer.headers.get("Retry-After", wait))
        except (aiohttp.ClientError, TimeoutError) as error:
            placed.failures[type(error).__name__] += 1
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
