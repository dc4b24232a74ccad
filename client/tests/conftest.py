"""Fixtures of the client's tests."""

from pathlib import Path

import pytest

from command_lines import hide_other_engines


@pytest.fixture
def no_other_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No local cloud, no profile, no variables."""
    hide_other_engines(tmp_path, monkeypatch)
