"""Runs the local cloud as a child process, with a template of the tests' own."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests import cloud
from tests.polling import eventually

ROOT = cloud.ROOT
TOY = Path(__file__).with_name("toy") / "template.yaml"

T = TypeVar("T")
Aws = Callable[..., Any]  # a service's name, and a URL other than the emulator's, to its client


@dataclass
class RunningCloud:
    """A cloud that answers; its endpoints by their names in endpoints.json."""

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


def spawn(directory: Path, template: Path = TOY, /, **environment: str) -> subprocess.Popen[bytes]:
    """Starts a cloud; parameters of the template are given as MOCK_LATENCY="0"."""
    return cloud.start(directory, template, **environment)


def start(directory: Path, template: Path = TOY, /, **environment: str) -> RunningCloud:
    """Starts a cloud and waits until it answers."""
    process = spawn(directory, template, **environment)
    return RunningCloud(process, directory, cloud.wait_for_endpoints(process, directory))


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory that other users may enter, since as root Postgres runs as one of them."""
    directory = Path(tempfile.mkdtemp(prefix="local-cloud-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def until(check: Callable[[], T | None], seconds: float = 10) -> T:
    """What `check` returns as soon as that is true."""
    return eventually(check, "it happened", seconds)
