"""An open WebSocket connection and the list of all of them."""

import asyncio
import base64
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import WSMessage, web

MESSAGE_LIMIT = 128 * 1024
IDLE_SECONDS = 600.0
LIFETIME_SECONDS = 7200.0
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

_SEND_SECONDS = 10


def new_id() -> str:
    """An id in API Gateway's format: base64 that ends in `=`."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


class GoneError(Exception):
    """The connection is closed."""


@dataclass
class Connection:
    """One client's connection; `authorizer` is the context that the authorizer returned at connect."""

    source_ip: str
    user_agent: str
    host: str
    authorizer: dict[str, Any]
    id: str = field(default_factory=new_id)
    connected_at: float = field(default_factory=time.time)
    last_active_at: float = field(default_factory=time.time)
    socket: web.WebSocketResponse | None = None
    transport: asyncio.WriteTransport | None = None

    async def send(self, text: str) -> None:
        """Sends one text frame.

        Raises:
            GoneError: the client is not connected, or does not read.
        """
        if self.socket is None or self.socket.closed:
            raise GoneError(self.id)
        self.last_active_at = time.time()
        try:
            await asyncio.wait_for(self.socket.send_str(text), _SEND_SECONDS)
        except (ConnectionError, TimeoutError) as error:
            if self.transport is not None:
                self.transport.abort()
            raise GoneError(self.id) from error

    async def receive(self) -> WSMessage | None:
        """The next message; None when the connection was idle or open for too long."""
        assert self.socket is not None
        while True:
            now = time.time()
            left = min(self.last_active_at + IDLE_SECONDS, self.connected_at + LIFETIME_SECONDS) - now
            if left <= 0:
                return None
            try:
                message = await self.socket.receive(timeout=left)
            except TimeoutError:
                continue
            self.last_active_at = time.time()
            return message

    def describe(self) -> dict[str, Any]:
        """The response to GetConnection."""
        return {
            "connectedAt": _iso(self.connected_at),
            "identity": {"sourceIp": self.source_ip, "userAgent": self.user_agent},
            "lastActiveAt": _iso(self.last_active_at),
        }


Connections = dict[str, Connection]
"""The open connections by id."""


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
