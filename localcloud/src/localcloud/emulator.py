"""SQS and DynamoDB: one ministack process that keeps its state in a directory."""

import asyncio
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from localcloud import processes
from localcloud.aws_json import AwsError, AwsJson
from localcloud.errors import LocalCloudError
from localcloud.ports import HOST
from localcloud.template.intrinsics import REGION

_START_SECONDS = 30


class Emulator:
    """The emulator's process; the cloud creates the template's queues and tables in it. `python` has ministack."""

    def __init__(self, python: Path, directory: Path, log: Path, port: int, lifeline: processes.Lifeline) -> None:
        self._python = python
        self._directory = directory
        self._log = log
        self._port = port
        self._lifeline = lifeline
        self._pid_file = directory / "pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def has_ended(self) -> bool:
        """Whether the process ended without being stopped."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Starts the process; see `wait_until_ready`."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        if not self._python.exists():
            raise LocalCloudError(f"the SQS and DynamoDB emulator needs {self._python} with ministack installed")
        self._directory.mkdir(parents=True, exist_ok=True)
        self._stop_orphan()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                # -P keeps the emulator from importing the local cloud's modules.
                [self._python, "-P", Path(__file__).with_name("emulator_main.py"), self._directory],
                stdin=self._lifeline.read_end,
                stdout=log,
                stderr=log,
                env={**processes.base_environment(), **self._settings()},
                start_new_session=True,
            )
        self._pid_file.write_text(str(self._process.pid))

    def _settings(self) -> dict[str, str]:
        return {
            "BIND_HOST": HOST,
            # Not GATEWAY_PORT, which would become part of the saved queue URLs, while the port may change.
            "EDGE_PORT": str(self._port),
            "SERVICES": "sqs,dynamodb",
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._directory / "state"),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
            "LOG_LEVEL": "WARNING",
        }

    async def wait_until_ready(self, aws: AwsJson) -> None:
        """Waits until the emulator responds.

        Raises:
            LocalCloudError: it does not start; the message names the log.
        """
        deadline = time.monotonic() + _START_SECONDS
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            try:
                await aws.call("sqs", "ListQueues", {})
            except AwsError:
                await asyncio.sleep(0.02)
            else:
                return
        raise LocalCloudError(f"the SQS and DynamoDB emulator did not start (see {self._log})")

    def stop(self) -> None:
        """Stops the emulator, which saves its state."""
        with self._lock:
            if self._process is not None:
                processes.stop_child(self._process, signal.SIGTERM, timeout=15)
                self._pid_file.unlink(missing_ok=True)
                self._process = None

    def kill(self) -> None:
        """Kills the emulator; changes to its state since the start are lost."""
        if self._process is not None:
            processes.kill_group(self._process.pid)

    def _stop_orphan(self) -> None:
        if not self._pid_file.is_file():
            return
        pid = int(self._pid_file.read_text().strip() or 0)
        if pid and pid != os.getpid() and str(self._directory) in processes.command_line(pid):
            processes.stop_orphan(pid, signal.SIGTERM)
