"""Serves the WebSocket API: handshakes, messages and disconnects."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from localcloud.lambdas.invocation import Outcome, ThrottledError, failure
from localcloud.lambdas.pool import FunctionPool
from localcloud.template.model import WebSocketApi, WebSocketRoute
from localcloud.websocket_api.authorizer import RefusedError, authorize
from localcloud.websocket_api.connection import MESSAGE_LIMIT, Connection, Connections, GoneError, new_id
from localcloud.websocket_api.events import connect_event, route_event

_INTEGRATION_SECONDS = 29
_CLOSE_SECONDS = 1
"""How long a client may take to answer a close."""


class WebSocketServer:
    """Handles the connections of the WebSocket API."""

    def __init__(self, api: WebSocketApi, pools: Mapping[str, FunctionPool]) -> None:
        self.connections: Connections = {}
        self._api = api
        self._pools = pools

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Handles a handshake and, if it succeeds, the connection until it ends."""
        connection = Connection(
            source_ip=request.remote or "127.0.0.1",
            user_agent=request.headers.get("User-Agent", ""),
            host=request.host,
            authorizer={},
            transport=request.transport,
        )
        try:
            protocol = await self._connect(connection, request)
        except RefusedError as error:
            body = {"message": str(error), "connectionId": connection.id, "requestId": new_id()}
            return web.json_response(body, status=error.status)
        socket = web.WebSocketResponse(
            protocols=(protocol,) if protocol else (),
            max_msg_size=MESSAGE_LIMIT + 1,  # aiohttp rejects sizes from its limit on, API Gateway sizes above it
            compress=False,
            timeout=_CLOSE_SECONDS,
        )
        connection.socket = socket
        try:
            await socket.prepare(request)
            self.connections[connection.id] = connection
            await self._receive(connection)
        finally:
            self.connections.pop(connection.id, None)
            await asyncio.shield(self._disconnect(connection))
        return socket

    async def close(self) -> None:
        """Closes every connection with the code for a server that goes away."""
        open_sockets = [connection.socket for connection in self.connections.values() if connection.socket]
        await asyncio.gather(*(socket.close(code=WSCloseCode.GOING_AWAY) for socket in open_sockets))

    async def _connect(self, connection: Connection, request: web.Request) -> str | None:
        """Invokes the authorizer and $connect; returns the subprotocol that $connect selected."""
        event = connect_event(self._api, connection, request)
        try:
            if self._api.authorizer is not None:
                pool = self._pools[self._api.authorizer]
                connection.authorizer = await authorize(self._api, pool, request, event)
                event["requestContext"]["authorizer"] = connection.authorizer
        except ThrottledError:
            raise RefusedError(500, "Internal server error") from None
        route = self._api.routes.get("$connect")
        if route is None:
            return None
        outcome = await self._invoke(route, event)
        answer = None if outcome.failed else outcome.json()
        if not isinstance(answer, dict) or not str(answer.get("statusCode", "")).isdecimal():
            raise RefusedError(502, "Internal server error")
        status = int(answer["statusCode"])
        if not 200 <= status < 300:
            raise RefusedError(status, "Forbidden" if status == 403 else "Connection refused")
        headers = {name.lower(): value for name, value in (answer.get("headers") or {}).items()}
        return headers.get("sec-websocket-protocol")

    async def _receive(self, connection: Connection) -> None:
        assert connection.socket is not None
        while True:
            message = await connection.receive()
            if message is None:
                await connection.socket.close(code=WSCloseCode.GOING_AWAY, message=b"Going away")
                return
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            try:
                await self._message(connection, message.data)
            except GoneError:
                return

    async def _message(self, connection: Connection, data: str | bytes) -> None:
        route = self._select_route(data)
        if route is None:
            await connection.send(_error(connection, "Forbidden"))
            return
        event = route_event(self._api, connection, route.key, "MESSAGE")
        event["requestContext"]["messageId"] = new_id()
        event["body"] = data if isinstance(data, str) else base64.b64encode(data).decode()
        event["isBase64Encoded"] = isinstance(data, bytes)
        outcome = await self._invoke(route, event)
        if outcome.failed:
            await connection.send(_error(connection, "Internal server error"))
            return
        answer = outcome.json()
        if route.responds and isinstance(answer, dict) and answer.get("body"):
            await connection.send(answer["body"] if isinstance(answer["body"], str) else json.dumps(answer["body"]))

    def _select_route(self, data: str | bytes) -> WebSocketRoute | None:
        key: Any = None
        try:
            document: Any = json.loads(data)
            for name in self._api.selection_key.split("."):
                document = document[name]
            key = document
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        reserved = not isinstance(key, str) or key.startswith("$")
        return (None if reserved else self._api.routes.get(key)) or self._api.routes.get("$default")

    async def _disconnect(self, connection: Connection) -> None:
        route = self._api.routes.get("$disconnect")
        if route is None:
            return
        event = route_event(self._api, connection, "$disconnect", "DISCONNECT")
        code = connection.socket.close_code if connection.socket else None
        event["requestContext"] |= {"disconnectStatusCode": code or 1006, "disconnectReason": ""}
        event["headers"] = {"Host": connection.host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
        event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
        await self._invoke(route, event)

    async def _invoke(self, route: WebSocketRoute, event: dict[str, Any]) -> Outcome:
        try:
            invocation = self._pools[route.function].invoke(json.dumps(event).encode())
            return await asyncio.wait_for(invocation, _INTEGRATION_SECONDS)
        except (TimeoutError, ThrottledError):
            return failure("IntegrationFailure", "the function did not answer in time")


def _error(connection: Connection, text: str) -> str:
    return json.dumps({"message": text, "connectionId": connection.id, "requestId": new_id()})
