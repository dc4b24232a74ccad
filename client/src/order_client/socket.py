"""One WebSocket connection: sends and receives frames, and converts failures to the client's errors."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from order_client.endpoints import Endpoints
from order_client.errors import NotConfigured, ProtocolError, Unreachable
from order_client.problems import error_in_frame, error_in_handshake

Frame = Mapping[str, Any]


class Socket:
    """An open connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, **frame: Any) -> None:
        """Send one message. Raises Unreachable when the connection is closed."""
        try:
            await self._connection.send(json.dumps(frame))
        except ConnectionClosed as error:
            raise _gone(error) from error

    async def receive(self, quiet: float) -> Frame | None:
        """The next frame; None after `quiet` seconds without one.

        Raises the matching error for an error frame; Unreachable when the connection is closed.
        """
        try:
            async with asyncio.timeout(quiet):
                text = await self._connection.recv()
            frame = json.loads(text)
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise _gone(error) from error
        except ValueError as error:
            raise ProtocolError("A frame is not JSON.") from error
        if not isinstance(frame, Mapping):
            raise ProtocolError("A frame is not an object.")
        if frame.get("type", "error") == "error":
            raise error_in_frame(frame)
        return frame


@asynccontextmanager
async def open_socket(endpoints: Endpoints, timeout: float) -> AsyncIterator[Socket]:
    """Connect, and close the connection at the end of the `async with` block.

    Raises NotConfigured, Unauthenticated, Forbidden, Unavailable, Unreachable.
    """
    if not endpoints.ws_url:
        raise NotConfigured(
            f"The WebSocket URL of {endpoints.url} is not known: set --ws-url, ORDERS_WS_URL or ws-url in the profile."
        )
    try:
        connection = await connect(
            endpoints.ws_url,
            additional_headers={"Authorization": f"Bearer {endpoints.key}"} if endpoints.key else {},
            open_timeout=timeout,
            close_timeout=1,
            ping_interval=None,  # API Gateway counts messages, not ping frames, as activity; the streams send messages
        )
    except InvalidStatus as error:
        raise error_in_handshake(error.response.status_code, error.response.headers) from error
    except InvalidURI as error:
        raise NotConfigured(f"{endpoints.ws_url!r} is not a WebSocket URL.") from error
    except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
        raise Unreachable(f"{endpoints.ws_url} does not answer: {error or 'timed out'}") from error
    async with connection:
        yield Socket(connection)


def _gone(error: ConnectionClosed) -> Unreachable:
    return Unreachable(f"The connection was closed: {error}")
