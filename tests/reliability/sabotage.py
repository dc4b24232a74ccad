"""Copies of the template for rough treatment: quicker to try again, and with functions that carry a saboteur."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]

_APP = '''"""The function itself, with its adapters wrapped."""

from saboteur import wrap_adapters, wrap_handler

wrap_adapters()

from original_app import handler as original_handler  # noqa: E402

handler = wrap_handler(original_handler)
'''


class Sabotage:
    """Functions and template in a directory of their own; `plan` says who dies where."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (directory / "layers").symlink_to(ROOT / "layers")
        for function in (ROOT / "functions").iterdir():
            copy = directory / "functions" / function.name
            shutil.copytree(function, copy, ignore=shutil.ignore_patterns("__pycache__"))
            (copy / "app.py").rename(copy / "original_app.py")
            (copy / "app.py").write_text(_APP)
            shutil.copy(Path(__file__).with_name("saboteur.py"), copy)
            (copy / "plans").mkdir()
        # One order a batch, so that a death is one order's.
        self.template = quick_template(directory, batch_size=1)

    def plan(self, function: str, seam: str, moment: str) -> None:
        """The next process of this function that gets there dies."""
        self._file(function, seam, moment).touch()

    def is_done(self, function: str, seam: str, moment: str) -> bool:
        """Whether it died."""
        return not self._file(function, seam, moment).exists()

    def _file(self, function: str, seam: str, moment: str) -> Path:
        return self._directory / "functions" / function / "plans" / f"{seam}.{moment}"


def quick_template(directory: Path, batch_size: int = 10) -> Path:
    """The project's template, with messages that come back in seconds instead of minutes, in a directory beside
    `functions` and `layers`."""
    template = (ROOT / "template.yaml").read_text()
    changed = template.replace("BatchSize: 10", f"BatchSize: {batch_size}")
    changed = changed.replace("VisibilityTimeout: 180", "VisibilityTimeout: 3")
    assert changed.count("VisibilityTimeout: 3\n") == 2
    file = directory / "template.yaml"
    file.write_text(changed)
    return file
