"""The command line where there is no engine."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from order_client.cli import app
from tests.client.conftest import forget_other_engines

CLOSED = ["--url", "http://127.0.0.1:9", "--ws-url", "ws://127.0.0.1:9"]


@pytest.fixture(autouse=True)
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No local cloud, no profile, no variables."""
    forget_other_engines(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "args",
    [
        ["list"],
        ["watch"],
        ["keys", "list"],
        ["redrive"],
        ["list", *CLOSED],
        ["watch", *CLOSED],
        ["load", "1", *CLOSED],
    ],
)
def test_it_exits_with_3_and_says_what_helps(args: list[str]) -> None:
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 3
    assert "make run" in result.stderr
    assert result.stdout == ""


def test_an_unknown_web_socket_is_named() -> None:
    result = CliRunner().invoke(app, ["watch", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 3
    assert "--ws-url" in result.stderr


@pytest.mark.parametrize(
    "args", [["nonsense"], ["quote", "SOL"], ["list", "--status", "odd"], ["load", "0"], ["list", "--key"]]
)
def test_wrong_usage_exits_with_2(args: list[str]) -> None:
    assert CliRunner().invoke(app, args).exit_code == 2


def test_help_names_the_exit_codes() -> None:
    assert "Exit codes" in CliRunner().invoke(app, ["--help"]).stdout
