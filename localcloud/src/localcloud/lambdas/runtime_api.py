"""The server side of the Lambda Runtime API; each execution environment has its own path prefix.

Every invocation sends it two requests, so it parses HTTP itself: aiohttp takes several times as long for such small
requests.
"""

import asyncio
import time
import uuid
from typing import cast

from localcloud.lambdas.environment import Environment
from localcloud.lambdas.invocation import PAYLOAD_LIMIT, Invocation, Outcome, failure
from localcloud.ports import HOST

_ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
_INVALID_REQUEST_ID = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
_FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class RuntimeApi:
    """Dispatches the processes' requests to the running environments, by environment id."""

    def __init__(self) -> None:
        self._environments: dict[str, Environment] = {}
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        """Starts to listen; returns the address, `host:port`."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self._environments), HOST, 0)
        return f"{HOST}:{self._server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        """Stops accepting connections."""
        if self._server is not None:
            self._server.close()

    def add(self, environment: Environment) -> None:
        self._environments[environment.id] = environment

    def remove(self, environment: Environment) -> None:
        self._environments.pop(environment.id, None)


class _Connection(asyncio.Protocol):
    """One process's connection. Requests are answered in order, so a process may send the next one without waiting."""

    def __init__(self, environments: dict[str, Environment]) -> None:
        self._environments = environments
        self._received = bytearray()
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's transports are not subclasses of it

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            request, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body_at = end + 4
            next_at = body_at + int(headers.get("content-length", "0"))
            if len(self._received) < next_at:
                return
            body = bytes(self._received[body_at:next_at])
            del self._received[:next_at]
            self._take(request.split(" ")[1], body)

    def _take(self, path: str, body: bytes) -> None:
        _, environment_id, *resource = path.split("/")
        environment = self._environments.get(environment_id)
        if environment is None:
            self._write(_FORBIDDEN)
            return
        match resource:
            case ["2018-06-01", "runtime", "invocation", "next"]:
                environment.ready(lambda invocation: self._write(_request_to(environment, invocation)))
            case ["2018-06-01", "runtime", "invocation", request_id, "response"]:
                self._finish(environment, request_id, _outcome(body))
            case ["2018-06-01", "runtime", "invocation", request_id, "error"]:
                self._finish(environment, request_id, Outcome(body, failed=True))
            case _:
                self._write(_NOT_FOUND)

    def _finish(self, environment: Environment, request_id: str, outcome: Outcome) -> None:
        awaited = environment.finish(request_id, outcome)
        self._write(_ACCEPTED if awaited else _INVALID_REQUEST_ID)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():  # otherwise the process has ended, and its exit status follows
            self._transport.write(answer)


def _request_to(environment: Environment, invocation: Invocation) -> bytes:
    head = (
        "HTTP/1.1 200 OK\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(invocation.payload)}\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {int(invocation.deadline * 1000)}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {environment.function.arn}\r\n"
        f"Lambda-Runtime-Trace-Id: Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0\r\n\r\n"
    )
    return head.encode() + invocation.payload


def _outcome(payload: bytes) -> Outcome:
    if len(payload) > PAYLOAD_LIMIT:
        message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
        return failure("Function.ResponseSizeTooLarge", message)
    return Outcome(payload)
