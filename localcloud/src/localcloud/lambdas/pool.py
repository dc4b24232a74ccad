"""The execution environments of one function: started on demand up to a cap, stopped when they stay idle."""

import asyncio
import json
import math
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.lambdas.environment import Environment
from localcloud.lambdas.invocation import PAYLOAD_LIMIT, Invocation, Outcome, ThrottledError, failure
from localcloud.lambdas.processors import Processors
from localcloud.lambdas.runtime_api import RuntimeApi
from localcloud.lambdas.snapshot import Host, Snapshot
from localcloud.template.model import Function

THROTTLE_SECONDS = 10
IDLE_SECONDS = 60
SCALE_SECONDS = 0.1
"""How long an invocation waits for a busy environment before one more is started."""
FEW = 2 * (os.cpu_count() or 2)
"""Up to this many environments are started whatever the CPU load, which may be caused by other programs."""
STANDSTILL_SECONDS = 1.0
"""If no environment became free for this long, they wait for something other than the CPU, and more are started."""

Report = Callable[[str, str], None]
"""Called with a function's name and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class _Waiter:
    environment: "asyncio.Future[Environment | Outcome]"
    since: float


class FunctionPool:
    """Invokes one function."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        function: Function,
        host: Host,
        runtime_api: RuntimeApi,
        *,
        limit: int,
        starts: asyncio.Semaphore,
        processors: Processors,
        report: Report,
    ) -> None:
        self.function = function
        self.keep_warm = 0
        self.starts_fail = False
        self._host = host
        self._snapshot = Snapshot(function, host)
        self._runtime_api = runtime_api
        self._report = report
        self._limit = limit
        self._starts = starts
        self._processors = processors
        self._slots = asyncio.Semaphore(limit)
        self._environments: set[Environment] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._idle: list[Environment] = []
        self._freed_at = 0.0
        self._waiting: deque[_Waiter] = deque()
        self._scaling: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def limit(self) -> int:
        """The maximum number of concurrent invocations."""
        return self._limit

    async def invoke(self, payload: bytes, *, timeout: float | None = THROTTLE_SECONDS) -> Outcome:
        """Invokes the function; waits `timeout` seconds for a free slot (None: without a limit).

        Raises:
            ThrottledError: no slot became free.
        """
        if len(payload) > PAYLOAD_LIMIT:
            return failure("RequestEntityTooLargeException", f"Request must be smaller than {PAYLOAD_LIMIT} bytes")
        try:
            async with asyncio.timeout(timeout):
                await self._slots.acquire()
        except TimeoutError:
            raise ThrottledError(self.function.name) from None
        # As on AWS, a caller that gives up does not end the invocation.
        run = asyncio.create_task(self._run(payload))
        self._tasks.add(run)
        run.add_done_callback(self._tasks.discard)
        return await asyncio.shield(run)

    async def _run(self, payload: bytes) -> Outcome:
        try:
            environment = await self._acquire()
            return environment if isinstance(environment, Outcome) else await self._run_in(environment, payload)
        finally:
            self._slots.release()

    async def _run_in(self, environment: Environment, payload: bytes) -> Outcome:
        started = time.monotonic()
        outcome = await environment.run(Invocation(payload))
        self._freed_at = time.monotonic()
        self._log_report(self._freed_at - started)
        return outcome

    def _log_report(self, seconds: float) -> None:
        """Writes one JSON line per invocation, with the billed duration as in Lambda's REPORT line."""
        report = {"function": self.function.name, "billed_ms": math.ceil(seconds * 1000)}
        with (self._host.logs / "invocations.log").open("a") as log:
            log.write(json.dumps(report) + "\n")

    async def room(self) -> None:
        """Waits until there is a free slot for an invocation."""
        async with self._slots:
            pass

    def warm_up(self) -> None:
        """Starts one environment ahead of the first invocation."""
        if not self._environments:
            self._spawn(ahead=True)

    async def stop_idle(self) -> None:
        """Stops environments that were idle for `IDLE_SECONDS`, except for those kept warm."""
        while len(self._environments) > self.keep_warm and self._idle:
            environment = self._idle[0]
            if time.monotonic() - environment.idle_since < IDLE_SECONDS:
                return
            self._idle.remove(environment)
            await environment.kill()

    async def close(self) -> None:
        """Kills every environment."""
        self._closed = True
        while self._waiting:
            self._waiting.popleft().environment.set_result(failure("Runtime.ExitError", "the local cloud stops"))
        await self._snapshot.close()
        while self._environments:
            await asyncio.gather(*(environment.kill() for environment in list(self._environments)))

    def kill(self) -> None:
        """Kills every environment without waiting."""
        self._snapshot.kill()
        for environment in self._environments:
            environment.kill_now()

    async def _acquire(self) -> Environment | Outcome:
        if self._idle:
            return self._idle.pop()
        waiter = _Waiter(asyncio.get_running_loop().create_future(), time.monotonic())
        self._waiting.append(waiter)
        if not self._environments:
            self._spawn()
        if self._scaling is None or self._scaling.done():
            self._scaling = asyncio.create_task(self._scale())
        return await waiter.environment

    async def _scale(self) -> None:
        """Adds environments while invocations wait; each step at most doubles their number."""
        while self._waiting:
            await asyncio.sleep(SCALE_SECONDS)
            late = sum(time.monotonic() - waiter.since >= SCALE_SECONDS for waiter in self._waiting)
            starting = sum(not environment.initialized for environment in self._environments)
            there = len(self._environments)
            if late > starting and (there < FEW or self.more_would_help()):
                for _ in range(min(late, there, self._limit - there) - starting):
                    self._spawn()

    def more_would_help(self) -> bool:
        """Whether more concurrent invocations would finish sooner; not if the CPU is the bottleneck."""
        return not self._processors.saturated() or time.monotonic() - self._freed_at >= STANDSTILL_SECONDS

    def _spawn(self, *, ahead: bool = False) -> None:
        if self._closed:
            return
        environment = Environment(self.function, self._snapshot, self._host.runtime_api, self._became_idle, self._ended)
        self._environments.add(environment)
        self._runtime_api.add(environment)
        start = asyncio.create_task(self._start(environment, ahead=ahead))
        self._tasks.add(start)
        start.add_done_callback(self._tasks.discard)

    async def _start(self, environment: Environment, *, ahead: bool) -> None:
        async with self._starts:
            if self._closed or not (self._waiting or ahead):  # no longer needed: no invocation waits
                self._ended(environment)
                return
            await environment.start()

    def _became_idle(self, environment: Environment) -> None:
        if environment not in self._environments:
            return
        self.starts_fail = False
        if self._waiting:
            self._waiting.popleft().environment.set_result(environment)
            return
        self._idle.append(environment)

    def _ended(self, environment: Environment) -> None:
        self._environments.discard(environment)
        self._runtime_api.remove(environment)
        if environment in self._idle:
            self._idle.remove(environment)
        if environment.init_error is not None and not self._closed:
            self.starts_fail = True
            document = environment.init_error.json()
            self._report(self.function.name, f"cannot start: {document['errorType']}: {document['errorMessage']}")
            if self._waiting:
                self._waiting.popleft().environment.set_result(environment.init_error)
        elif self._waiting and len(self._environments) < self._limit:
            self._spawn()
