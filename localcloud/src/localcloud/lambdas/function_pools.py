"""All functions of the stack: one pool of environments each."""

import asyncio
import os

from localcloud.lambdas.pool import FunctionPool, Report
from localcloud.lambdas.processors import Processors
from localcloud.lambdas.runtime_api import RuntimeApi
from localcloud.lambdas.snapshot import Host
from localcloud.settings import Settings
from localcloud.template import Stack

_SWEEP_SECONDS = 10


class FunctionPools:
    """The pools by function name; those behind APIs, queues and schedules keep one environment warm."""

    def __init__(self, stack: Stack, settings: Settings, runtime_api: RuntimeApi, host: Host, report: Report) -> None:
        # Starts are CPU-bound: more of them at once would only make each one slower.
        starts = asyncio.Semaphore(os.cpu_count() or 2)
        processors = Processors()
        self.pools = {
            function.name: FunctionPool(
                function,
                host,
                runtime_api,
                limit=min(settings.concurrency, function.reserved_concurrency or settings.concurrency),
                starts=starts,
                processors=processors,
                report=report,
            )
            for function in stack.functions.values()
        }
        self._warm_first, self._warm_later = _invoked_functions(stack)
        for name in (*self._warm_first, *self._warm_later):
            self.pools[name].keep_warm = 1
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts loading the functions behind APIs and queues, a few at a time."""
        for name in self._warm_first:
            self.pools[name].warm_up()
        self._tasks = [asyncio.create_task(self._sweep())]

    async def close(self) -> None:
        """Kills every environment."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))

    def kill(self) -> None:
        """Kills every environment without waiting."""
        for pool in self.pools.values():
            pool.kill()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for pool in self.pools.values():
                await pool.stop_idle()


def _invoked_functions(stack: Stack) -> tuple[list[str], list[str]]:
    """(functions behind APIs and queues, those behind schedules only)."""
    names: list[str] = []
    if stack.http_api:
        names += [authorizer.function for authorizer in stack.http_api.authorizers.values()]
        names += [route.function for route in stack.http_api.routes]
    if stack.websocket_api:
        names += [stack.websocket_api.authorizer] if stack.websocket_api.authorizer else []
        names += [route.function for route in stack.websocket_api.routes.values()]
    names += [mapping.function for mapping in stack.queue_mappings]
    scheduled = [schedule.function for schedule in stack.schedules]
    return list(dict.fromkeys(names)), [name for name in dict.fromkeys(scheduled) if name not in names]
