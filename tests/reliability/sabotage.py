"""A copy of the template whose functions carry a saboteur."""

import shutil
from pathlib import Path

import yaml

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
        self.template = directory / "template.yaml"
        (directory / "layers").symlink_to(ROOT / "layers")
        for function in (ROOT / "functions").iterdir():
            copy = directory / "functions" / function.name
            shutil.copytree(function, copy, ignore=shutil.ignore_patterns("__pycache__"))
            (copy / "app.py").rename(copy / "original_app.py")
            (copy / "app.py").write_text(_APP)
            shutil.copy(Path(__file__).with_name("saboteur.py"), copy)
            (copy / "plans").mkdir()
        self.template.write_text(_one_order_a_batch((ROOT / "template.yaml").read_text()))

    def plan(self, function: str, seam: str, moment: str) -> None:
        """The next process of this function that gets there dies."""
        self._file(function, seam, moment).touch()

    def is_done(self, function: str, seam: str, moment: str) -> bool:
        """Whether it died."""
        return not self._file(function, seam, moment).exists()

    def _file(self, function: str, seam: str, moment: str) -> Path:
        return self._directory / "functions" / function / "plans" / f"{seam}.{moment}"


def _one_order_a_batch(template: str) -> str:
    """So that a death is one order's, and comes back in seconds instead of minutes."""
    changed = template.replace("BatchSize: 10", "BatchSize: 1").replace(
        "VisibilityTimeout: 180", "VisibilityTimeout: 3"
    )
    assert changed.count("BatchSize: 1\n") == 3
    assert changed.count("VisibilityTimeout: 3\n") == 2
    yaml.compose(changed)
    return changed
