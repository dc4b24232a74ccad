"""`orders-admin` without a reachable engine."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from command_lines import hide_other_engines
from order_admin.app import app


@pytest.mark.parametrize(
    "args",
    [
        ["keys", "list"],
        ["redrive"],
        ["load", "1", "--url", "http://127.0.0.1:9", "--ws-url", "ws://127.0.0.1:9"],
    ],
)
def test_it_exits_with_3_and_suggests_make_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    hide_other_engines(tmp_path, monkeypatch)
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 3
    assert "make run" in result.stderr
    assert result.stdout == ""


def test_invalid_usage_exits_with_2() -> None:
    assert CliRunner().invoke(app, ["load", "0"]).exit_code == 2
