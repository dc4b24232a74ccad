"""The servers that keep state: Postgres, and the emulator with its queues and tables."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from localcloud import provisioning
from localcloud.aws_json import AwsJson
from localcloud.emulator import Emulator
from localcloud.errors import LocalCloudError
from localcloud.postgres import Postgres
from localcloud.project import Seed
from localcloud.template import Stack

_LOOK_SECONDS = 0.5
_TRIES = 5


class Stores:
    """Starts and stops both servers together; without Postgres when the functions use another one."""

    def __init__(
        self,
        postgres: Postgres | None,
        emulator: Emulator,
        stack: Stack,
        aws: AwsJson,
        seeds: Sequence[Seed],
    ) -> None:
        self._postgres = postgres
        self._emulator = emulator
        self._stack = stack
        self._aws = aws
        self._seeds = seeds

    async def start(self) -> None:
        """Starts the servers concurrently and creates the queues and tables that the template declares.

        Raises:
            LocalCloudError: a server does not start, or the template declares something that is not valid.
        """
        await asyncio.gather(self._start_emulator(), self._start_postgres())

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

    async def keep_running(
        self, report: Callable[[str, str], None], tables_lost: Callable[[], Awaitable[None]]
    ) -> None:
        """Restarts a server that ended by itself, as its service on AWS would recover.

        A restarted emulator has lost what was written since its previous start, so `tables_lost` is called.

        Raises:
            LocalCloudError: a server cannot be restarted.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._postgres is not None and self._postgres.has_ended():
                report("Postgres", "ended unexpectedly; starting it again")
                await _with_retry(self._start_postgres)
            if self._emulator.has_ended():
                report("The SQS and DynamoDB emulator", "ended unexpectedly; starting it again")
                await _with_retry(self._start_emulator)
                await tables_lost()

    async def _start_postgres(self) -> None:
        if self._postgres is not None:
            await asyncio.to_thread(self._postgres.start)

    async def _start_emulator(self) -> None:
        await asyncio.to_thread(self._emulator.start)
        await self._emulator.wait_until_ready(self._aws)
        await provisioning.create_queues(self._aws, self._stack.queues)
        await provisioning.create_tables(self._aws, self._stack.tables)
        for seed in self._seeds:
            await provisioning.put_seed(self._aws, self._stack.tables, seed)


async def _with_retry(start: Callable[[], Awaitable[None]]) -> None:
    """Retries the start, because the cause that ended a server may also end it while it starts."""
    for tries_left in reversed(range(_TRIES)):
        try:
            return await start()
        except LocalCloudError:
            if not tries_left:
                raise
            await asyncio.sleep(_LOOK_SECONDS)
