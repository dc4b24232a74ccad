"""The directory with all data of a local cloud, which only one cloud may use at a time."""

import fcntl
from pathlib import Path
from typing import TextIO

from localcloud.errors import LocalCloudError

_LOG_LIMIT = 10 * 1024 * 1024


def claim(directory: Path) -> TextIO:
    """Creates the directory and locks it until the returned file is closed.

    Raises:
        LocalCloudError: another cloud uses the directory, or it cannot be written.
    """
    try:
        (directory / "logs").mkdir(parents=True, exist_ok=True)
        lock = (directory / "lock").open("a")
    except OSError as error:
        raise LocalCloudError(f"cannot use LOCAL_DIR {directory}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise LocalCloudError(f"a local cloud already runs on {directory}: stop it or set LOCAL_DIR") from None
    _empty_long_logs(directory / "logs")
    return lock


def _empty_long_logs(logs: Path) -> None:
    for log in logs.glob("*.log"):
        if log.stat().st_size > _LOG_LIMIT:
            log.write_bytes(b"")
