"""Functions that crash at armed crash points, and a template with visibility timeouts of seconds."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testing.polling import eventually

ROOT = Path(__file__).parents[2]
MOMENTS = ("before", "after")

_APP = '''"""The function itself, with its adapters wrapped."""

from crash_hooks import wrap_adapters, wrap_handler

wrap_adapters()

from original_app import handler as original_handler  # noqa: E402

handler = wrap_handler(original_handler)
'''


class CrashPoints:
    """Copies of the functions, with crash hooks (see crash_hooks.py), and of the template in `directory`.

    `quick`: with visibility timeouts of seconds, see quick_template.
    """

    def __init__(self, directory: Path, *, quick: bool = True) -> None:
        self._directory = directory
        (directory / "layers").symlink_to(ROOT / "layers")
        for function in (ROOT / "functions").iterdir():
            copy = directory / "functions" / function.name
            shutil.copytree(function, copy, ignore=shutil.ignore_patterns("__pycache__"))
            (copy / "app.py").rename(copy / "original_app.py")
            (copy / "app.py").write_text(_APP)
            shutil.copy(Path(__file__).with_name("crash_hooks.py"), copy)
            for name in ("armed", "called"):
                (copy / "crash_points" / name).mkdir(parents=True)
        if quick:
            # One order per batch, so that a crash affects only one order.
            self.template = quick_template(directory, batch_size=1)
        else:
            self.template = Path(shutil.copy(ROOT / "template.yaml", directory))

    @contextmanager
    def crash(self, function: str, call: str, *moments: str) -> Iterator[None]:
        """Crash one process of the function before this call and another one after it (or only at `moments`).

        Leaving the context waits until all of them have crashed.
        """
        armed = [self._armed(function, call, moment) for moment in moments or MOMENTS]
        for file in armed:
            file.touch()
        yield
        eventually(lambda: not any(file.exists() for file in armed), f"{function} crashed at {call}")

    def calls_of(self, function: str) -> set[str]:
        """The calls that the function has made so far."""
        return {file.name for file in (self._directory / "functions" / function / "crash_points" / "called").iterdir()}

    def _armed(self, function: str, call: str, moment: str) -> Path:
        return self._directory / "functions" / function / "crash_points" / "armed" / f"{call}.{moment}"


def quick_template(directory: Path, batch_size: int = 10) -> Path:
    """Write the project's template, with visibility timeouts of seconds instead of minutes, to `directory`, which must
    contain `functions` and `layers`.
    """
    template = (ROOT / "template.yaml").read_text()
    changed = re.sub(r"BatchSize: (10|!Ref OrdersBatchSize)", f"BatchSize: {batch_size}", template)
    changed, queues = re.subn(r"VisibilityTimeout: \d+", "VisibilityTimeout: 2", changed)
    assert queues == 4
    file = directory / "template.yaml"
    file.write_text(changed)
    return file
