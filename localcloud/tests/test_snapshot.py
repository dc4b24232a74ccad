"""Execution environments are forks of a process that has loaded the handler."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from localcloud.lambdas.snapshot import Host, NotLoadedError, Snapshot
from localcloud.processes import Lifeline, is_alive
from localcloud.template.model import Function
from running import until

HANDLER = """
import os
from snapshot_restore_py import register_before_snapshot
print("loaded", os.getpid(), flush=True)
register_before_snapshot(print, "hook", "called", flush=True)
def handler(event, context): ...
"""


def with_snapshot(directory: Path, code: str, use: Callable[[Snapshot], Awaitable[None]]) -> str:
    """Runs `use` with a snapshot of a function with this code; returns its log."""
    (directory / "app.py").write_text(code)
    function = Function(
        name="Toy",
        arn="arn",
        handler="app.handler",
        code=directory,
        layers=(),
        environment={"PYTHONPATH": os.pathsep.join([str(directory), *sys.path])},
        memory=128,
        timeout=3,
        reserved_concurrency=None,
    )

    async def run() -> None:
        lifeline = Lifeline()
        snapshot = Snapshot(function, Host("127.0.0.1:9", "http://127.0.0.1:9", directory, lifeline))
        try:
            await use(snapshot)
        finally:
            await snapshot.close()
            lifeline.close()

    asyncio.run(run())
    return (directory / "Toy.log").read_text()


def test_a_handler_is_loaded_once_and_its_hooks_are_called_before_the_first_fork(tmp_path: Path) -> None:
    async def use(snapshot: Snapshot) -> None:
        forks = [await snapshot.fork({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9/x"}) for _ in range(3)]
        assert len({fork.pid for fork in forks}) == 3
        # Nothing listens at that address, so each fork exits with status 1.
        assert await asyncio.gather(*(fork.ended for fork in forks)) == [1, 1, 1]

    log = with_snapshot(tmp_path, HANDLER, use)
    assert log.count("loaded") == 1
    assert log.count("hook called") == 1


def test_a_handler_that_cannot_be_loaded_is_reported_and_retried(tmp_path: Path) -> None:
    async def use(snapshot: Snapshot) -> None:
        with pytest.raises(NotLoadedError, match="No module named 'missing'"):
            await snapshot.fork({})
        (tmp_path / "app.py").write_text("import os; os._exit(3)")
        with pytest.raises(NotLoadedError, match="exit status 3"):
            await snapshot.fork({})
        (tmp_path / "app.py").write_text(HANDLER)
        assert await (await snapshot.fork({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9/x"})).ended == 1

    with_snapshot(tmp_path, "import missing", use)


def test_environments_end_with_their_snapshot_and_the_next_fork_creates_a_new_one(tmp_path: Path) -> None:
    waiting = HANDLER + "\nimport socket, time\nsocket.create_connection = lambda *_: time.sleep(60)\n"

    async def use(snapshot: Snapshot) -> None:
        fork = await snapshot.fork({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9/x"})
        snapshot.kill()
        assert await fork.ended == -signal.SIGKILL
        until(lambda: not is_alive(fork.pid))
        again = await snapshot.fork({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9/x"})
        os.killpg(again.pid, signal.SIGKILL)
        assert await again.ended == -signal.SIGKILL

    log = with_snapshot(tmp_path, waiting, use)
    assert log.count("loaded") == 2
