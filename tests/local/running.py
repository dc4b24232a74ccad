"""Runs the local cloud as a child process, for tests."""

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

ROOT = Path(__file__).resolve().parents[2]
TOY = Path(__file__).with_name("toy") / "template.yaml"

T = TypeVar("T")


@dataclass
class RunningCloud:
    """A cloud that answers; its endpoints by their names in endpoints.json."""

    process: subprocess.Popen[bytes]
    directory: Path
    endpoints: dict[str, Any]

    @property
    def url(self) -> str:
        return self.endpoints["httpUrl"]

    def output(self) -> str:
        return (self.directory / "output").read_text()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def spawn(directory: Path, template: Path = TOY, **environment: str) -> subprocess.Popen[bytes]:
    """Starts a cloud; parameters of the template are given as MOCK_LATENCY="0"."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "output").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "local", "--template", str(template)],
            cwd=ROOT,
            env={**os.environ, "PORT": "0", "LOCAL_DIR": str(directory), **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def start(directory: Path, template: Path = TOY, **environment: str) -> RunningCloud:
    """Starts a cloud and waits until it answers."""
    process = spawn(directory, template, **environment)
    endpoints = directory / "endpoints.json"

    def is_up() -> bool:
        assert process.poll() is None, (directory / "output").read_text()
        # A file that an earlier, killed cloud left behind names another process.
        return endpoints.is_file() and json.loads(endpoints.read_text())["pid"] == process.pid

    try:
        until(is_up, seconds=60)
    except BaseException:
        process.kill()
        raise
    return RunningCloud(process, directory, json.loads(endpoints.read_text()))


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory that other users may enter, since as root Postgres runs as one of them."""
    directory = Path(tempfile.mkdtemp(prefix="local-cloud-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def until(check: Callable[[], T], seconds: float = 10) -> T:
    """What `check` returns as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value
