"""Child processes: stopping them with the cloud, and finding those that an earlier, killed cloud left running."""

import contextlib
import os
import resource
import signal
import subprocess
import time
from pathlib import Path


class Lifeline:
    """A pipe that every child reads and that is never written to: it ends when the cloud dies, even by SIGKILL."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()

    def close(self) -> None:
        os.close(self.read_end)
        os.close(self._write_end)


def raise_file_limit() -> None:
    """Raises the limit of open files: every connection is one, and the default on macOS is 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10_000 if hard == resource.RLIM_INFINITY else min(hard, 10_000)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def base_environment() -> dict[str, str]:
    """The variables of the user's environment that a child inherits: none that could change how it works."""
    return {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not _is_zombie(pid)


def command_line(pid: int) -> str:
    """The command line of a process; empty when there is no such process."""
    proc = Path(f"/proc/{pid}/cmdline")
    if proc.parent.parent.joinpath("self").exists():  # Linux, perhaps without ps
        try:
            return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()


def stop_orphan(pid: int, first: signal.Signals, *, timeout: float = 10) -> None:
    """Stops a process left over from an earlier cloud: with the signal `first`, then with SIGKILL."""
    for number, wait in ((first, timeout), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            if not is_alive(pid):
                return
            time.sleep(0.02)


def stop_child(process: subprocess.Popen[bytes], first: signal.Signals, *, timeout: float) -> None:
    """Stops a child that leads its own session; after `timeout` seconds its whole group is killed."""
    if process.poll() is None:
        process.send_signal(first)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
    process.wait()


def kill_group(pid: int) -> None:
    """Kills a child and everything it started; ignores a group that no longer exists (macOS: EPERM for zombies)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
