"""The command line without a reachable engine."""

import pytest
from typer.testing import CliRunner

from order_client.cli import app

pytestmark = pytest.mark.usefixtures("no_other_engine")

CLOSED = ["--url", "http://127.0.0.1:9", "--ws-url", "ws://127.0.0.1:9"]


@pytest.mark.parametrize(
    "args",
    [
        ["list"],
        ["watch"],
        ["list", *CLOSED],
        ["watch", *CLOSED],
    ],
)
def test_it_exits_with_3_and_suggests_make_run(args: list[str]) -> None:
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 3
    assert "make run" in result.stderr
    assert result.stdout == ""


def test_a_missing_websocket_url_is_named() -> None:
    result = CliRunner().invoke(app, ["watch", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 3
    assert "--ws-url" in result.stderr


@pytest.mark.parametrize("args", [["nonsense"], ["quote", "SOL"], ["list", "--status", "odd"], ["list", "--key"]])
def test_invalid_usage_exits_with_2(args: list[str]) -> None:
    assert CliRunner().invoke(app, args).exit_code == 2


def test_help_names_the_exit_codes() -> None:
    assert "Exit codes" in CliRunner().invoke(app, ["--help"]).stdout
