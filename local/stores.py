"""What keeps state: Postgres, and the emulator with its queues and tables."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from local import dev_key, provisioning
from local.aws_json import AwsJson
from local.emulator import Emulator
from local.postgres import Postgres
from local.template import Stack


class Stores:
    """Started and stopped together; without Postgres when the functions use another one."""

    def __init__(self, postgres: Postgres | None, emulator: Emulator) -> None:
        self._postgres = postgres
        self._emulator = emulator

    async def start(self, stack: Stack, aws: AwsJson, key: str) -> None:
        """Starts the servers side by side and makes what the template declares.

        Raises:
            LocalCloudError: one does not start, or the template asks for something that is not valid.
        """
        starts: list[Coroutine[Any, Any, Any]] = [self._start_emulator(stack, aws, key)]
        if self._postgres is not None:
            starts.append(asyncio.to_thread(self._postgres.start))
        await asyncio.gather(*starts)

    async def stop(self) -> None:
        """Stops both; the emulator saves its state."""
        stops = [asyncio.to_thread(self._emulator.stop)]
        if self._postgres is not None:
            stops.append(asyncio.to_thread(self._postgres.stop))
        await asyncio.gather(*stops)

    def kill(self) -> None:
        """Ends both at once."""
        self._emulator.kill()
        if self._postgres is not None:
            self._postgres.kill()

    def ended(self, logs: Path) -> str | None:
        """A line about a server that ended by itself."""
        for name, server in (("Postgres", self._postgres), ("the SQS and DynamoDB emulator", self._emulator)):
            if server is not None and server.process is not None and server.process.poll() is not None:
                return f"{name} ended unexpectedly (see {logs})"
        return None

    async def _start_emulator(self, stack: Stack, aws: AwsJson, key: str) -> None:
        await asyncio.to_thread(self._emulator.start)
        await self._emulator.wait_until_ready(aws)
        await provisioning.create_queues(aws, stack.queues)
        await provisioning.create_tables(aws, stack.tables)
        for table in stack.tables:
            if table.logical_id == dev_key.TABLE:
                await dev_key.register(aws, table, key)
