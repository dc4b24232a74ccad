"""The cloud's only server for clients: HTTP API, WebSocket API and @connections on one port."""

import socket
from collections.abc import Mapping

from aiohttp import web

from localcloud.http_api.responses import message
from localcloud.http_api.server import BODY_LIMIT, HttpApiServer
from localcloud.lambdas.pool import FunctionPool
from localcloud.template import Stack
from localcloud.template.addresses import CONNECTIONS_PATH
from localcloud.websocket_api.management import ConnectionManagement
from localcloud.websocket_api.server import WebSocketServer

# Against DNS rebinding: a page of another site must not be able to read the dashboard and the key in it.
_HOSTS = {"127.0.0.1", "localhost", "host.docker.internal"}


class Gateway:
    """Serves the stack's APIs on a bound socket."""

    def __init__(self, stack: Stack, pools: Mapping[str, FunctionPool]) -> None:
        self._http = HttpApiServer(stack.http_api, pools) if stack.http_api else None
        self._websocket = WebSocketServer(stack.websocket_api, pools) if stack.websocket_api else None
        self._websocket_path = stack.addresses.listeners.websocket_path
        self._runner: web.AppRunner | None = None
        self._app = web.Application(client_max_size=BODY_LIMIT)
        if self._websocket and stack.websocket_api:
            management = ConnectionManagement(self._websocket.connections)
            commands = f"{CONNECTIONS_PATH}/{stack.websocket_api.stage}/@connections/{{connection_id}}"
            for method in ("GET", "POST", "DELETE"):
                self._app.router.add_route(method, commands, management.handle)
        self._app.router.add_route("*", r"/{path:[\s\S]*}", self._handle)

    async def open(self, server: socket.socket) -> None:
        """Starts to listen."""
        # The cloud itself handles signals and has no access log.
        # API Gateway passes a body on unchanged: handling its Content-Encoding is up to the function.
        self._runner = web.AppRunner(
            self._app, access_log=None, handle_signals=False, shutdown_timeout=3, auto_decompress=False
        )
        await self._runner.setup()
        await web.SockSite(self._runner, server, backlog=1024).start()

    async def disconnect(self) -> None:
        """Closes the WebSocket connections."""
        if self._websocket:
            await self._websocket.close()

    async def close(self) -> None:
        """Stops accepting connections, closes the WebSocket connections, and gives requests 3 seconds to finish."""
        if self._runner is None:
            return
        for site in list(self._runner.sites):
            await site.stop()
        await self.disconnect()
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.host.rsplit(":", 1)[0] not in _HOSTS:
            return message(403, "Forbidden")
        upgrade = request.headers.get("Upgrade", "").lower()
        if self._websocket and upgrade == "websocket" and request.path == self._websocket_path:
            return await self._websocket.handle(request)
        if self._http:
            return await self._http.handle(request)
        return message(404, "Not Found")
