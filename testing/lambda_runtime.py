"""Runs the output of sam build as Lambda does: with the official runtime client, in the Runtime Interface Emulator."""

import os
import platform
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from testing.polling import eventually

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
PYTHON = ROOT / ".tools/lambda/bin/python"  # Python 3.13 with boto3 and awslambdaric, as in the Lambda runtime
SAM = ROOT / ".tools/sam/bin/sam"
_INVOCATIONS = "/2015-03-31/functions/function/invocations"


def sam_build(directory: Path, architecture: str, *resources: str) -> Path:
    """Build everything, or single resources; returns the build directory. Skips the test without Python 3.13."""
    if not PYTHON.exists():
        pytest.skip("sam build needs python3.13, which make did not find")
    build = directory / "build"
    places = ["--build-dir", str(build), "--cache-dir", str(directory / "cache")]
    done = subprocess.run(
        [str(SAM), "build", *resources, *places, "--parameter-overrides", f"Architecture={architecture}"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return build


class Runtime:
    """An execution environment of a built function; it handles one event at a time."""

    def __init__(self, url: str, log: Path) -> None:
        self._url = url
        self._log = log

    def invoke(self, event: Any) -> Any:
        """The handler's result. Raises AssertionError, with the function's output, if the handler raised."""
        answer = httpx.post(f"{self._url}{_INVOCATIONS}", json=event, timeout=60).json()
        assert not (isinstance(answer, dict) and "errorType" in answer), f"{answer}\n{self._log.read_text()}"
        return answer


@contextmanager
def running(code: Path, layer: Path, environment: dict[str, str], directory: Path) -> Iterator[Runtime]:
    """Run the built function in `code` with its layer; the first event loads it. Skips the test except on Linux."""
    if sys.platform != "linux":
        pytest.skip("the Runtime Interface Emulator runs on Linux only")
    (emulator,) = ROOT.glob(f".tools/sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCHITECTURE}")
    address, runtime_api = _free_addresses(2)
    command: list[str | Path] = [
        emulator,
        "--runtime-interface-emulator-address",
        address,
        "--runtime-api-address",
        runtime_api,
    ]
    log = directory / f"{code.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, PYTHON, "-B", "-m", "awslambdaric", "app.handler"],
            cwd=code,
            env={**environment, "LAMBDA_TASK_ROOT": str(code), "PYTHONPATH": str(layer)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(lambda: _listens(address), f"the emulator listens: {log}")
        yield Runtime(f"http://{address}", log)
    finally:
        os.killpg(process.pid, 9)  # the emulator and the function
        process.wait()


def _free_addresses(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in sockets]
    for server in sockets:
        server.close()
    return addresses


def _listens(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
