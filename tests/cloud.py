"""The local cloud as a process of its own, for tests that use the engine from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_START_SECONDS = 90
_STOP_SECONDS = 30


@dataclass(frozen=True)
class Cloud:
    """A running local cloud: what endpoints.json says of it, and where its data are."""

    http_url: str
    websocket_url: str
    api_key: str
    database_url: str
    aws_url: str
    tables: dict[str, str]
    queues: dict[str, str]
    pid: int
    directory: Path

    @property
    def headers(self) -> dict[str, str]:
        """The header that opens the API."""
        return {"Authorization": f"Bearer {self.api_key}"}


@contextmanager
def running_cloud(directory: Path, template: Path | None = None, **environment: str) -> Iterator[Cloud]:
    """Start a local cloud on free ports with its data in `directory`; `environment` sets template parameters."""
    process = start(directory, template, **environment)
    try:
        yield wait_until_up(process, directory)
    finally:
        stop(process)


def start(directory: Path, template: Path | None = None, **environment: str) -> subprocess.Popen[bytes]:
    """Start it, with another template than the project's if one is given; its output goes to `directory`/output.txt."""
    directory.mkdir(parents=True, exist_ok=True)
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with (directory / "output.txt").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "local", *(["--template", str(template)] if template else [])],
            env={**inherited, "PORT": "0", "LOCAL_DIR": str(directory), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until_up(process: subprocess.Popen[bytes], directory: Path) -> Cloud:
    """Wait until it has written where it is."""
    endpoints = directory / "endpoints.json"
    deadline = time.monotonic() + _START_SECONDS
    while not endpoints.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the local cloud did not start: {(directory / 'output.txt').read_text()}")
        time.sleep(0.05)
    known: dict[str, Any] = json.loads(endpoints.read_text())
    return Cloud(
        http_url=known["httpUrl"],
        websocket_url=known["webSocketUrl"],
        api_key=known["apiKey"],
        database_url=known["databaseUrl"],
        aws_url=known["awsEndpointUrl"],
        tables=known["tables"],
        queues=known["queues"],
        pid=known["pid"],
        directory=directory,
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C, and wait until it is gone."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
