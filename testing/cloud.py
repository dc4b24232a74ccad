"""Runs the local cloud as a child process, for tests that use the engine from outside."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from testing.polling import eventually

ROOT = Path(__file__).resolve().parents[1]

# Retries and recovery take seconds instead of the minutes that they may take on AWS, and the mock has no delays.
QUICK = {
    "MOCK_LATENCY": "0",
    "ORDERS_VISIBILITY_TIMEOUT": "15",
    "SWEEP_SCHEDULE": "rate(2 seconds)",
    "BACKOFF_SECONDS": "0",
    "LOCAL_CONCURRENCY": "4",
}
_START_SECONDS = 90
_STOP_SECONDS = 30


@dataclass(frozen=True)
class Cloud:
    """A running local cloud: the contents of its endpoints.json, and its data directory."""

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
        """The Authorization header with the dev key."""
        return {"Authorization": f"Bearer {self.api_key}"}


def client_of(cloud: Cloud) -> httpx.Client:
    """A client for the cloud's HTTP API, with the dev key."""
    return httpx.Client(base_url=cloud.http_url, headers=cloud.headers, timeout=15)


@contextmanager
def running_cloud(directory: Path, template: Path | None = None, /, **environment: str) -> Iterator[Cloud]:
    """Start a local cloud on free ports with its data in `directory`; `environment` sets template parameters."""
    process = start(directory, template, **environment)
    try:
        yield wait_until_up(process, directory)
    finally:
        stop(process)


def start(directory: Path, template: Path | None = None, /, **environment: str) -> subprocess.Popen[bytes]:
    """Start a local cloud, by default with the project's template; its output goes to `directory`/output.txt."""
    directory.mkdir(parents=True, exist_ok=True)
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with (directory / "output.txt").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "localcloud", *(["--template", str(template)] if template else [])],
            cwd=ROOT,
            env={**inherited, "PORT": "0", "LOCAL_DIR": str(directory), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until_up(process: subprocess.Popen[bytes], directory: Path) -> Cloud:
    """Wait until the cloud has written its endpoints.json."""
    known = wait_for_endpoints(process, directory)
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


def wait_for_endpoints(process: subprocess.Popen[bytes], directory: Path) -> dict[str, Any]:
    """The contents of endpoints.json. A file left behind by an earlier cloud that was killed has another pid."""
    file = directory / "endpoints.json"

    def look() -> dict[str, Any] | None:
        assert process.poll() is None, f"the local cloud did not start: {(directory / 'output.txt').read_text()}"
        known: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        return known if known.get("pid") == process.pid else None

    try:
        return eventually(look, "the local cloud is up", _START_SECONDS)
    except BaseException:
        process.kill()
        raise


def stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt the cloud and wait until it has exited. Kills it and raises TimeoutExpired after 30 s."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
