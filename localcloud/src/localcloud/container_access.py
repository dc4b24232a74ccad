"""Lets functions in containers (`sam local invoke`) reach the running cloud, which itself listens on loopback only."""

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

from localcloud.errors import LocalCloudError
from localcloud.ports import HOST
from localcloud.template import Stack

_NAME_OF_HOST = "host.docker.internal"
_CHUNK = 65_536


def write_variables(stack: Stack, file: Path) -> None:
    """Writes the file for `sam local invoke --env-vars`: each function's variables, with addresses for containers."""
    variables = {
        function.name: {name: value.replace(HOST, _NAME_OF_HOST) for name, value in function.environment.items()}
        for function in stack.functions.values()
    }
    file.touch(mode=0o600)
    file.write_text(json.dumps(variables, indent=2) + "\n")


class DockerGateway:
    """Forwards connections to `address` (Docker's bridge, on Linux) to the same ports of the loopback address."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._servers: list[asyncio.Server] = []

    async def open(self, *urls: str) -> None:
        """Opens the ports of these URLs.

        Raises:
            LocalCloudError: the address does not belong to this machine.
        """
        for port in {urlsplit(url).port for url in urls} - {None}:
            try:
                self._servers.append(await asyncio.start_server(_pass_on, self._address, port))
            except OSError as error:
                raise LocalCloudError(f"DOCKER_GATEWAY={self._address} cannot be used: {error.strerror}") from error

    def close(self) -> None:
        for server in self._servers:
            server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    port = writer.get_extra_info("sockname")[1]
    try:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # the other side sees a closed connection
    finally:
        writer.close()
