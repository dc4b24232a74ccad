"""Modules of the functions, which are programs of their own with modules of the same names."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def function_modules(function: str, *names: str) -> Iterator[dict[str, ModuleType]]:
    """Modules of one function, by name; leaving the context unloads them."""
    folder = str(ROOT / "functions" / function)
    sys.path.insert(0, folder)
    try:
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(folder)
        for name in names:
            sys.modules.pop(name, None)
