"""A process that has loaded a function's handler; execution environments are forks of it, similar to SnapStart on AWS.

Loading a function takes a third of a second of CPU time, a fork a few milliseconds.
"""

import asyncio
import json
import os
import socket
import sys
import tempfile
from asyncio.subprocess import Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud import processes
from localcloud.lambdas.invocation import Outcome, failure
from localcloud.template.intrinsics import REGION
from localcloud.template.model import Function

LOAD_SECONDS = 60
"""Time limit for loading the handler; generous, because a laptop that starts everything at once is slow."""


@dataclass(frozen=True)
class Host:
    """What every environment needs to know about the local cloud."""

    runtime_api: str
    invoke_api: str
    logs: Path
    lifeline: processes.Lifeline


class NotLoadedError(Exception):
    """The handler could not be loaded; `outcome` is the error as Lambda would report it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error_message)
        self.outcome = outcome


@dataclass(frozen=True)
class Fork:
    """A process that serves invocations; `ended` becomes its exit status, negative for a signal."""

    pid: int
    ended: "asyncio.Future[int]"


class Snapshot:
    """Loads the handler at the first `fork`, and again at the next `fork` after the process has ended."""

    def __init__(self, function: Function, host: Host) -> None:
        self._function = function
        self._host = host
        self._lock = asyncio.Lock()
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None
        self._forked: asyncio.Queue[Fork] = asyncio.Queue()
        self._forks: dict[int, Fork] = {}

    async def fork(self, variables: dict[str, str]) -> Fork:
        """Starts an environment, with these variables in addition to the function's.

        Raises:
            NotLoadedError: the handler cannot be loaded.
        """
        async with self._lock:
            if self._listener is None or self._listener.done():
                await self._load()
            assert self._writer
            assert self._listener
            self._writer.write(json.dumps(variables).encode() + b"\n")
            answer = asyncio.create_task(self._forked.get())
            await asyncio.wait({answer, self._listener}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                answer.cancel()
                raise NotLoadedError(failure("Runtime.ExitError", "Runtime exited during its start"))
            return answer.result()

    def kill(self) -> None:
        """Kills the process, which also ends every environment."""
        if self._process is not None:
            processes.kill_group(self._process.pid)

    async def close(self) -> None:
        """Like `kill`, but waits until they have ended."""
        self.kill()
        if self._listener is not None:
            await self._listener

    async def _load(self) -> None:
        try:
            self._process, reader, self._writer = await self._spawn()
        except OSError as error:
            raise NotLoadedError(failure("Runtime.ExitError", str(error))) from error
        problem = await self._problem(reader, self._process)
        if problem is not None:
            self._writer.close()
            raise NotLoadedError(problem)
        self._forked = asyncio.Queue()  # discards what the previous process reported
        self._listener = asyncio.create_task(self._listen(reader, self._writer, self._process))

    async def _problem(self, reader: asyncio.StreamReader, process: Process) -> Outcome | None:
        """The error that kept the handler from being loaded; None if it is loaded."""
        try:
            message = await asyncio.wait_for(_read(reader), LOAD_SECONDS)
        except TimeoutError:
            self.kill()
            return failure("Sandbox.Timedout", f"not loaded after {LOAD_SECONDS} seconds")
        if message is None:
            how = reason(await process.wait())
            return failure("Runtime.ExitError", f"Runtime exited during its start: {how}")
        if "error" in message:
            await process.wait()
            return failure(message["error"]["errorType"], message["error"]["errorMessage"])
        return None

    async def _spawn(self) -> tuple[Process, asyncio.StreamReader, asyncio.StreamWriter]:
        ours, theirs = socket.socketpair()
        with theirs, (self._host.logs / f"{self._function.name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # keeps the function from importing the local cloud's modules
                str(Path(__file__).with_name("bootstrap.py")),
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=self._host.lifeline.read_end,
                stdout=log,
                stderr=log,
                cwd=self._function.code,
                env=_variables(self._function, self._host.invoke_api),
                start_new_session=True,
            )
        return process, *await asyncio.open_connection(sock=ours)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, process: Process) -> None:
        while message := await _read(reader):
            pid = message["pid"]
            if "status" in message:
                self._forks.pop(pid).ended.set_result(message["status"])
            else:
                self._forks[pid] = Fork(pid, asyncio.get_running_loop().create_future())
                self._forked.put_nowait(self._forks[pid])
        status = await process.wait()
        for fork in self._forks.values():  # their ends would no longer be reported
            processes.kill_group(fork.pid)
            fork.ended.set_result(status)
        self._forks.clear()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    try:
        line = await reader.readline()
    except ConnectionError:
        return None
    return json.loads(line) if line.endswith(b"\n") else None


def reason(status: int) -> str:
    """An exit status in words."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _variables(function: Function, invoke_api: str) -> dict[str, str]:
    return {
        **processes.base_environment(),
        "AWS_ACCESS_KEY_ID": function.name,  # as on AWS, each function has its own identity
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_LAMBDA": invoke_api,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "HOME": tempfile.gettempdir(),
        "LAMBDA_TASK_ROOT": str(function.code),
        "LANG": "en_US.UTF-8",
        "NO_PROXY": "*",  # everything is on loopback, and macOS cannot look up its proxies in a fork
        "POWERTOOLS_TRACE_DISABLED": "true",
        "PYTHONPATH": os.pathsep.join(map(str, (function.code, *function.layers))),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
        **function.environment,
    }
