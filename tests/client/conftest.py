"""A local cloud for the command line, and ways to run it there."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from order_client.cli import app
from tests.cloud import QUICK, Cloud, running_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running local cloud, where `make run` would have put it."""
    # A second attempt would come too late for an order that expires in 15 seconds.
    settings = {**QUICK, "LOCAL_CONCURRENCY": "2", "BACKOFF_SECONDS": "20"}
    with running_cloud(tmp_path_factory.mktemp("cloud") / ".local", **settings) as cloud:
        yield cloud


class Orders:
    """The command line, in the directory of the local cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.directory = cloud.directory.parent

    def __call__(self, *args: str, exits: int = 0) -> Result:
        """Run a command that exits so."""
        result = CliRunner().invoke(app, args, prog_name="orders")
        assert result.exit_code == exits, result.output
        return result

    def json(self, *args: str, exits: int = 0) -> Any:
        """Run a command that writes one JSON document."""
        return json.loads(self(*args, "--json", exits=exits).stdout)

    def lines(self, *args: str, exits: int = 0) -> list[Any]:
        """Run a command that writes a JSON document per line."""
        return [json.loads(line) for line in self(*args, "--json", exits=exits).stdout.splitlines()]

    @contextmanager
    def running(self, *args: str) -> "Iterator[subprocess.Popen[str]]":
        """Run a command as a process of its own; killed if it is still there at the end."""
        process = subprocess.Popen(
            [sys.executable, "-m", "order_client", *args],
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
        """Ctrl-C: it must end at once with 130. Returns what it still wrote to stderr."""
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=10)
        assert process.returncode == 130, rest
        return rest


def forget_other_engines(directory: Path, patch: pytest.MonkeyPatch) -> None:
    """Nothing outside `directory` says where an engine is."""
    for name in ("ORDERS_URL", "ORDERS_WS_URL", "ORDERS_API_KEY", "ORDERS_PROFILE"):
        patch.delenv(name, raising=False)
    patch.setenv("XDG_CONFIG_HOME", str(directory / "config"))
    patch.chdir(directory)


@pytest.fixture
def orders(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Orders:
    """The command line with a local cloud."""
    forget_other_engines(cloud.directory.parent, monkeypatch)
    return Orders(cloud)
