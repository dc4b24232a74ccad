"""An execution environment: one process that runs one function, one invocation at a time."""

import asyncio
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local import processes
from local.lambdas.invocation import Invocation, Outcome, failure
from local.template.intrinsics import REGION
from local.template.model import Function

INIT_SECONDS = 60
"""How long loading the handler may take; generous, since a laptop that starts everything at once is slow."""


@dataclass(frozen=True)
class Host:
    """What every environment needs to know of the cloud around it."""

    runtime_api: str
    logs: Path
    lifeline: processes.Lifeline


class Environment:
    """Started by `start`; calls `on_idle` whenever it is ready for an invocation and `on_exit` once at its end."""

    def __init__(
        self,
        function: Function,
        host: Host,
        on_idle: Callable[["Environment"], None],
        on_exit: Callable[["Environment"], None],
    ) -> None:
        self.id = uuid.uuid4().hex
        self.function = function
        self.idle_since = 0.0
        self.init_error: Outcome | None = None
        self.initialized = False
        self.settled = asyncio.Event()
        """Set when it has loaded its handler, or has failed to."""
        self._ending = False
        self._host = host
        self._on_idle = on_idle
        self._on_exit = on_exit
        self._inbox: asyncio.Queue[Invocation | None] = asyncio.Queue()
        self._current: Invocation | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._exit: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts the process; it reports through the Runtime API."""
        with (self._host.logs / f"{self.function.name}.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # the function must not find the local cloud's modules
                str(Path(__file__).with_name("bootstrap.py")),
                stdin=self._host.lifeline.read_end,
                stdout=log,
                stderr=log,
                cwd=self.function.code,
                env=self._variables(),
                start_new_session=True,
            )
        self._exit = asyncio.create_task(self._wait_for_exit(self._process))

    def _variables(self) -> dict[str, str]:
        function = self.function
        return {
            **processes.base_environment(),
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"[$LATEST]{self.id}",
            "AWS_LAMBDA_RUNTIME_API": f"{self._host.runtime_api}/{self.id}",
            "HOME": tempfile.gettempdir(),
            "LAMBDA_TASK_ROOT": str(function.code),
            "LANG": "en_US.UTF-8",
            "POWERTOOLS_TRACE_DISABLED": "true",
            "PYTHONPATH": os.pathsep.join(map(str, (function.code, *function.layers))),
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            "TZ": ":UTC",
            "_HANDLER": function.handler,
            **function.environment,
        }

    async def run(self, invocation: Invocation) -> Outcome:
        """Runs one invocation; the process is killed when the function's timeout has passed."""
        self._current = invocation
        invocation.start(self.function.timeout)
        timer = asyncio.get_running_loop().call_later(self.function.timeout, self._time_out, invocation)
        self._inbox.put_nowait(invocation)
        try:
            return await invocation.outcome
        finally:
            timer.cancel()

    def _time_out(self, invocation: Invocation) -> None:
        message = f"{invocation.request_id} Task timed out after {self.function.timeout:.2f} seconds"
        invocation.finish(failure("Sandbox.Timedout", message))
        self.kill_now()

    async def next_invocation(self) -> Invocation | None:
        """Called by the Runtime API when the process asks for work; None when the process has ended."""
        self._current = None
        if self._ending:
            return None
        self.initialized = True
        self.settled.set()
        self.idle_since = time.monotonic()
        self._on_idle(self)
        return await self._inbox.get()

    def finish(self, request_id: str, outcome: Outcome) -> bool:
        """Called by the Runtime API with an answer; False when nobody waits for it."""
        if self._current is None or self._current.request_id != request_id:
            return False
        self._current.finish(outcome)
        return True

    async def kill(self) -> None:
        """Ends the process and what it started."""
        self.kill_now()
        if self._exit is None:
            await asyncio.sleep(0.01)  # it is just being started
        else:
            await asyncio.shield(self._exit)

    def kill_now(self) -> None:
        """As `kill`, without waiting."""
        self._ending = True
        if self._process is not None and self._process.returncode is None:
            processes.kill_group(self._process.pid)

    async def _wait_for_exit(self, process: asyncio.subprocess.Process) -> None:
        status = await process.wait()
        processes.kill_group(process.pid)
        self._inbox.put_nowait(None)
        self.settled.set()
        reason = f"signal {-status}" if status < 0 else f"exit status {status}"
        if self._current is not None:
            message = f"RequestId: {self._current.request_id} Error: Runtime exited with error: {reason}"
            self._current.finish(failure("Runtime.ExitError", message))
        elif not self.initialized and self.init_error is None:
            self.init_error = failure("Runtime.ExitError", f"Runtime exited during its start: {reason}")
        self._on_exit(self)
