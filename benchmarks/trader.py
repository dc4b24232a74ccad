"""A client of a running local cloud that places orders and is subscribed to its account on one socket."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from testing.cloud import Cloud

_BODY = json.dumps({"tokenIn": "SOL", "tokenOut": "USDC", "amount": "1"})
_PATIENCE_SECONDS = 300


@dataclass
class Heard:
    """The events of one order that arrived on the socket."""

    events: list[dict[str, Any]] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ended_at: float = 0.0
    """When the terminal event arrived, in seconds since 1970."""


class Trader:
    """Places orders and records their events; created by `trading`."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self.frames = 0
        self.heard: defaultdict[str, Heard] = defaultdict(Heard)

    async def place(self) -> str:
        """Place an order of 1 SOL for USDC; returns its id."""
        headers = {"Content-Type": "application/json"}
        async with self._http.post(f"{self._url}/api/orders/execute", data=_BODY, headers=headers) as answer:
            answer.raise_for_status()
            return str(json.loads(await answer.read())["orderId"])

    async def end(self, order_id: str) -> Heard:
        """Wait for the order's end; returns the events that have arrived."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self.heard[order_id].ended.wait()
        return self.heard[order_id]

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Record the events that arrive on the socket, until it is closed."""
        async for message in socket:
            now = time.time()
            self.frames += 1
            for event in json.loads(message.data).get("events", ()):
                heard = self.heard[event["orderId"]]
                heard.events.append(event)
                if event["terminal"] and not heard.ended_at:
                    heard.ended_at = now
                    heard.ended.set()


@asynccontextmanager
async def trading(cloud: Cloud) -> AsyncIterator[Trader]:
    """A trader whose socket is subscribed to the account."""
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(60)
    async with (
        aiohttp.ClientSession(headers=cloud.headers, connector=connector, timeout=timeout) as http,
        http.ws_connect(cloud.websocket_url, max_msg_size=0) as socket,
    ):
        await socket.send_json({"action": "subscribe", "channel": "account"})
        await socket.receive_json()
        trader = Trader(http, cloud.http_url)
        listening = asyncio.create_task(trader.listen(socket))
        try:
            yield trader
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
