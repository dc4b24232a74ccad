"""`orders-admin launch` without a running local cloud."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from command_lines import hide_other_engines
from order_admin.app import app
from order_admin.launch import Venue
from order_engine.venues.mock.market import Market
from order_engine.venues.mock.venues import MockConditions, meteora, raydium


@pytest.fixture(autouse=True)
def _no_other_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_other_engines(tmp_path, monkeypatch)


def test_the_venues_are_those_of_the_mocked_market() -> None:
    venues = [venue(Market(0), MockConditions(0, 0)) for venue in (raydium, meteora)]
    assert [venue.name for venue in venues] == list(Venue)


@pytest.mark.parametrize("arguments", [["NOPE"], ["SOL"], ["MOON", "--venue", "nowhere"]])
def test_an_unknown_token_or_venue_exits_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["launch", *arguments])
    assert result.exit_code == 2
    assert "MOON" in result.stderr or "raydium" in result.stderr


def test_without_a_running_local_cloud_it_exits_with_3(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["launch", "MOON"])
    assert (result.exit_code, "make run" in result.stderr) == (3, True)
    (tmp_path / ".local").mkdir()
    stopped = {"databaseUrl": "postgresql://orders_owner:secret@127.0.0.1:9/orders"}
    (tmp_path / ".local" / "endpoints.json").write_text(json.dumps(stopped))
    result = CliRunner().invoke(app, ["launch", "moon"])
    assert (result.exit_code, "does not answer" in result.stderr) == (3, True)
    assert "secret" not in result.stderr
