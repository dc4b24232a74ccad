"""Everything that invokes the functions: requests, queues, schedules."""

import asyncio
import socket

from localcloud.aws_json import AwsJson
from localcloud.errors import LocalCloudError
from localcloud.gateway import Gateway
from localcloud.lambdas.function_pools import FunctionPools
from localcloud.template import Stack
from localcloud.triggers.queue_poller import QueuePoller
from localcloud.triggers.scheduler import run_schedule

_GRACE_SECONDS = 3


class Triggers:
    """All triggers together; started last and stopped first."""

    def __init__(self, stack: Stack, functions: FunctionPools, aws: AwsJson) -> None:
        self._stack = stack
        self._functions = functions
        self._gateway = Gateway(stack, functions.pools)
        self._schedules: list[asyncio.Task[None]] = []
        self._pollers: list[QueuePoller] = []
        queues = {queue.arn: queue for queue in stack.queues}
        for mapping in stack.queue_mappings:
            if mapping.queue_arn not in queues:
                raise LocalCloudError(f"{mapping.function}: its queue {mapping.queue_arn} is not in this template")
            pool = functions.pools[mapping.function]
            self._pollers.append(QueuePoller(mapping, queues[mapping.queue_arn], pool, aws))

    async def start(self, server: socket.socket) -> None:
        """Starts to listen on the bound socket and to poll the queues."""
        try:
            await self._gateway.open(server)
        except OSError as error:
            raise LocalCloudError(f"port {server.getsockname()[1]} is in use: {error.strerror}") from error
        for poller in self._pollers:
            poller.start()
        for schedule in self._stack.schedules:
            run = run_schedule(schedule, self._functions.pools[schedule.function])
            self._schedules.append(asyncio.create_task(run))

    async def disconnect(self) -> None:
        """Closes every WebSocket connection; clients may connect again at once."""
        await self._gateway.disconnect()

    async def stop(self) -> None:
        """Stops accepting work, and gives running invocations a few seconds to finish."""
        for schedule in self._schedules:
            schedule.cancel()
        await asyncio.gather(self._gateway.close(), *(poller.stop(_GRACE_SECONDS) for poller in self._pollers))
