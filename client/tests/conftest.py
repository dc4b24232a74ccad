"""Fixtures of the client's tests."""

from pathlib import Path

import pytest


@pytest.fixture
def no_other_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide every engine that is configured outside the test: variables, profiles, a local cloud."""
    for name in ("ORDERS_URL", "ORDERS_WS_URL", "ORDERS_API_KEY", "ORDERS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
