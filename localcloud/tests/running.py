"""Runs the local cloud as a child process, with the example application."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

EXAMPLE = Path(__file__).with_name("example")
"""A small application that uses every feature of the local cloud."""

_START_SECONDS = 90

T = TypeVar("T")
Aws = Callable[..., Any]
"""Creates a boto3 client for a service, with the emulator's URL or another one."""


@dataclass
class RunningCloud:
    """A cloud that answers requests; `endpoints` is the content of its endpoints.json."""

    process: subprocess.Popen[bytes]
    directory: Path
    endpoints: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.endpoints["httpUrl"])

    def output(self) -> str:
        return (self.directory / "output.txt").read_text()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def spawn(directory: Path, /, **environment: str) -> subprocess.Popen[bytes]:
    """Starts a cloud with its data in `directory`; template parameters are given as GREETING="hello"."""
    directory.mkdir(parents=True, exist_ok=True)
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with (directory / "output.txt").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "localcloud"],
            cwd=EXAMPLE,
            env={**inherited, "PORT": "0", "LOCAL_DIR": str(directory), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def start(directory: Path, /, **environment: str) -> RunningCloud:
    """Starts a cloud and waits until it answers requests."""
    process = spawn(directory, **environment)

    def endpoints() -> dict[str, Any] | None:
        assert process.poll() is None, (directory / "output.txt").read_text()
        file = directory / "endpoints.json"
        found: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        return found if found.get("pid") == process.pid else None  # a killed cloud leaves its file behind

    try:
        return RunningCloud(process, directory, until(endpoints, _START_SECONDS))
    except BaseException:
        process.kill()
        raise


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory that other users can enter: if the tests run as root, Postgres runs as another user."""
    directory = Path(tempfile.mkdtemp(prefix="local-cloud-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def until(check: Callable[[], T | None], seconds: float = 10) -> T:
    """Call `check` until it returns something true, and return that. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
    return found
