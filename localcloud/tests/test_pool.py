"""How many environments a pool starts: more only while they increase the throughput."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.lambdas import pool
from localcloud.lambdas.invocation import Invocation, Outcome
from localcloud.lambdas.pool import FunctionPool
from localcloud.lambdas.processors import Processors
from localcloud.lambdas.runtime_api import RuntimeApi
from localcloud.lambdas.snapshot import Host
from localcloud.processes import Lifeline
from localcloud.template.model import Function

LIMIT = 32
INVOCATIONS = 64


class FakeEnvironments:
    """Fake environments in which every invocation takes `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.started = 0

    def __call__(self, _function: Any, _snapshot: Any, _api: str, on_idle: Callable[[Any], None], _on_exit: Any) -> Any:
        self.started += 1
        seconds = self._seconds

        class Environment:
            id = str(self.started)
            initialized = False
            init_error = None

            async def start(self) -> None:
                self.initialized = True
                on_idle(self)

            async def run(self, _invocation: Invocation) -> Outcome:
                await asyncio.sleep(seconds)
                asyncio.get_running_loop().call_soon(on_idle, self)
                return Outcome(b"{}")

        return Environment()


def environments_for(monkeypatch: pytest.MonkeyPatch, logs: Path, *, seconds: float, percent: float) -> int:
    """The number of environments started for concurrent invocations of `seconds` each, at this CPU load."""
    environments = FakeEnvironments(seconds)
    monkeypatch.setattr(pool, "Environment", environments)
    monkeypatch.setattr(pool, "SCALE_SECONDS", 0.01)
    monkeypatch.setattr(pool, "STANDSTILL_SECONDS", 0.1)
    host = Host("127.0.0.1:9", "http://127.0.0.1:9", logs, Lifeline())
    function = Function("Example", "arn", "app.handler", Path(), (), 60, 128, {}, None)

    async def run() -> None:
        function_pool = FunctionPool(
            function,
            host,
            RuntimeApi(),
            limit=LIMIT,
            starts=asyncio.Semaphore(2),
            processors=Processors(lambda: percent),
            report=lambda *_: None,
        )
        await asyncio.gather(*(function_pool.invoke(b"{}", timeout=None) for _ in range(INVOCATIONS)))

    asyncio.run(run())
    host.lifeline.close()
    return environments.started


def test_with_idle_processors_a_pool_grows_to_its_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert environments_for(monkeypatch, tmp_path, seconds=0.5, percent=10) == LIMIT


def test_with_saturated_processors_only_a_few_environments_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert environments_for(monkeypatch, tmp_path, seconds=0.02, percent=100) == pool.FEW


def test_a_stalled_pool_grows_even_with_saturated_processors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert environments_for(monkeypatch, tmp_path, seconds=0.5, percent=100) > pool.FEW


def test_without_a_recent_sample_the_processors_count_as_saturated() -> None:
    now = 0.0
    percent = 0.0
    processors = Processors(lambda: percent, lambda: now)
    assert processors.saturated()  # there is no sample yet
    now = 0.2
    assert not processors.saturated()
    now, percent = 0.4, 100
    assert processors.saturated()
    now, percent = 60, 0
    assert processors.saturated()  # the mean of a minute is not the current load
    now = 60.2
    assert not processors.saturated()
