"""The files that the page loads: the scripts and styles of web/. Others, such as type declarations, are not served."""

from dataclasses import dataclass
from pathlib import Path

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: str
    content_type: str


def read_assets(folder: Path) -> dict[str, Asset]:
    """The folder's scripts and styles by file name."""
    return {
        file.name: Asset(file.read_text(encoding="utf-8"), _TYPES[file.suffix])
        for file in sorted(folder.iterdir())
        if file.suffix in _TYPES
    }
