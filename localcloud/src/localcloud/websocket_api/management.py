"""The @connections commands, with which a backend reaches an open connection.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from aiohttp import web

from localcloud.websocket_api.connection import MESSAGE_LIMIT, Connection, Connections, GoneError


class ConnectionManagement:
    """Serves POST, GET and DELETE of `@connections/{id}`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def handle(self, request: web.Request) -> web.Response:
        """Handles one command."""
        connection = self._connections.get(request.match_info["connection_id"])
        if connection is None:
            return _error(410, "GoneException")
        if request.method == "POST":
            return await _post(connection, await request.read())
        if request.method == "DELETE":
            assert connection.socket is not None
            await connection.socket.close()
            return web.Response(status=204)
        return web.json_response(connection.describe())


async def _post(connection: Connection, data: bytes) -> web.Response:
    if len(data) > MESSAGE_LIMIT:
        return _error(413, "PayloadTooLargeException")
    try:
        await connection.send(data.decode(errors="replace"))
    except GoneError:
        return _error(410, "GoneException")
    return web.Response(status=200)


def _error(status: int, kind: str) -> web.Response:
    return web.json_response({"message": None}, status=status, headers={"x-amzn-errortype": kind})
