"""A local cloud for the command lines `orders` and `orders-admin`, and helpers that run commands against it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import order_admin.app
import order_client.cli
from command_lines import hide_other_engines
from testing.cloud import QUICK, Cloud, running_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running local cloud, with its data in `.local`, as with `make run`."""
    # With this backoff, an order that expires in 15 seconds gets no second attempt.
    settings = {**QUICK, "LOCAL_CONCURRENCY": "2", "BACKOFF_SECONDS": "20"}
    with running_cloud(tmp_path_factory.mktemp("cloud") / ".local", **settings) as cloud:
        yield cloud


class CommandLine:
    """Runs a command line in the directory of the local cloud."""

    def __init__(self, cloud: Cloud, module: ModuleType) -> None:
        self.cloud = cloud
        self._module = module
        self.directory = cloud.directory.parent

    def __call__(self, *args: str, exits: int = 0) -> Result:
        """Run a command and check its exit code."""
        result = CliRunner().invoke(self._module.app, args)
        assert result.exit_code == exits, result.output
        return result

    def json(self, *args: str, exits: int = 0) -> Any:
        """Run a command that writes one JSON document."""
        return json.loads(self(*args, "--json", exits=exits).stdout)

    def lines(self, *args: str, exits: int = 0) -> list[Any]:
        """Run a command that writes one JSON document per line."""
        return [json.loads(line) for line in self(*args, "--json", exits=exits).stdout.splitlines()]

    @contextmanager
    def running(self, *args: str) -> "Iterator[subprocess.Popen[str]]":
        """Run a command as a child process, which is killed at the end if it is still running."""
        process = subprocess.Popen(
            [sys.executable, "-m", self._module.__name__.partition(".")[0], *args],
            cwd=self.directory,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def interrupt(self, process: "subprocess.Popen[str]") -> str:
        """Interrupt a command, which must exit with 130 within 10 s; returns the rest of its stderr."""
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=10)
        assert process.returncode == 130, rest
        return rest


@pytest.fixture
def only_this_engine(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command lines find no other engine than the local cloud."""
    hide_other_engines(cloud.directory.parent, monkeypatch)


@pytest.fixture
def orders(cloud: Cloud, only_this_engine: None) -> CommandLine:
    """The traders' command line."""
    return CommandLine(cloud, order_client.cli)


@pytest.fixture
def admin(cloud: Cloud, only_this_engine: None) -> CommandLine:
    """The operators' command line."""
    return CommandLine(cloud, order_admin.app)
