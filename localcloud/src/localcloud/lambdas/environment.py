"""An execution environment: one process that runs one function, one invocation at a time."""

import asyncio
import time
import uuid
from collections.abc import Callable

from localcloud import processes
from localcloud.lambdas.invocation import Invocation, Outcome, failure
from localcloud.lambdas.snapshot import Fork, NotLoadedError, Snapshot, reason
from localcloud.template.model import Function


class Environment:
    """Started by `start`; calls `on_idle` whenever it is ready for an invocation and `on_exit` once at its end."""

    def __init__(
        self,
        function: Function,
        snapshot: Snapshot,
        runtime_api: str,
        on_idle: Callable[["Environment"], None],
        on_exit: Callable[["Environment"], None],
    ) -> None:
        self.id = uuid.uuid4().hex
        self.function = function
        self.idle_since = 0.0
        self.init_error: Outcome | None = None
        self.initialized = False
        self._settled = asyncio.Event()  # set once it has requested its first invocation or has ended
        self._ending = False
        self._snapshot = snapshot
        self._runtime_api = runtime_api
        self._on_idle = on_idle
        self._on_exit = on_exit
        self._deliver: Callable[[Invocation], None]
        self._current: Invocation | None = None
        self._fork: Fork | None = None
        self._exit: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts the process; returns when it has called the Runtime API, has ended or could not be started."""
        variables = {
            "AWS_LAMBDA_LOG_STREAM_NAME": f"[$LATEST]{self.id}",
            "AWS_LAMBDA_RUNTIME_API": f"{self._runtime_api}/{self.id}",
        }
        try:
            self._fork = await self._snapshot.fork(variables)
        except NotLoadedError as error:
            self.init_error = error.outcome
            self._on_exit(self)
            return
        self._exit = asyncio.create_task(self._wait_for_exit(self._fork))
        if self._ending:
            self.kill_now()
        await self._settled.wait()

    async def run(self, invocation: Invocation) -> Outcome:
        """Runs one invocation; the process is killed when the function's timeout has passed."""
        self._current = invocation
        invocation.start(self.function.timeout)
        timer = asyncio.get_running_loop().call_later(self.function.timeout, self._time_out, invocation)
        self._deliver(invocation)
        try:
            return await invocation.outcome
        finally:
            timer.cancel()

    def _time_out(self, invocation: Invocation) -> None:
        message = f"{invocation.request_id} Task timed out after {self.function.timeout:.2f} seconds"
        invocation.finish(failure("Sandbox.Timedout", message))
        self.kill_now()

    def ready(self, deliver: Callable[[Invocation], None]) -> None:
        """Called by the Runtime API when the process requests an invocation; `deliver` passes one to it."""
        self._current = None
        if self._ending:
            return
        self._deliver = deliver
        self.initialized = True
        self._settled.set()
        self.idle_since = time.monotonic()
        self._on_idle(self)

    def finish(self, request_id: str, outcome: Outcome) -> bool:
        """Called by the Runtime API with an outcome; False if it is not the current invocation's."""
        if self._current is None or self._current.request_id != request_id:
            return False
        self._current.finish(outcome)
        return True

    async def kill(self) -> None:
        """Kills the process and everything it started, and waits for its end."""
        self.kill_now()
        if self._exit is None:
            await asyncio.sleep(0.01)  # it is still being started
        else:
            await asyncio.shield(self._exit)

    def kill_now(self) -> None:
        """Like `kill`, without waiting."""
        self._ending = True
        if self._fork is not None and not self._fork.ended.done():
            processes.kill_group(self._fork.pid)

    async def _wait_for_exit(self, fork: Fork) -> None:
        status = await fork.ended
        processes.kill_group(fork.pid)
        self._settled.set()
        if self._current is not None:
            message = f"RequestId: {self._current.request_id} Error: Runtime exited with error: {reason(status)}"
            self._current.finish(failure("Runtime.ExitError", message))
        elif not self.initialized:
            self.init_error = failure("Runtime.ExitError", f"Runtime exited during its start: {reason(status)}")
        self._on_exit(self)
