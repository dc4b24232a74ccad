"""Where the client looks for the engine, and what it does not mix."""

import json
from pathlib import Path

import pytest

from order_client import NotConfigured
from order_client.endpoints import Endpoints, discover


@pytest.fixture(autouse=True)
def nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No local cloud, no profile, no variables."""
    for name in ("ORDERS_URL", "ORDERS_WS_URL", "ORDERS_API_KEY", "ORDERS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def profiles(tmp_path: Path) -> None:
    file = tmp_path / "config" / "orders" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        '[profiles.default]\nurl = "https://default/"\nws-url = "wss://default/live"\nkey = "default-key"\n'
        '[profiles.other]\nurl = "https://other"\nkey = "other-key"\n'
    )


@pytest.fixture
def local(tmp_path: Path) -> None:
    document = {"httpUrl": "http://local", "webSocketUrl": "ws://local", "apiKey": "local-key"}
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "endpoints.json").write_text(json.dumps(document))


def test_nothing_known_says_what_to_do() -> None:
    with pytest.raises(NotConfigured, match="make run"):
        discover()


@pytest.mark.usefixtures("local")
def test_the_local_cloud_is_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert discover() == Endpoints("http://local", "ws://local", "local-key")


@pytest.mark.usefixtures("local", "profiles")
def test_a_profile_wins_over_the_local_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    assert discover() == Endpoints("https://default", "wss://default/live", "default-key")
    assert discover(profile="other") == Endpoints("https://other", None, "other-key")
    monkeypatch.setenv("ORDERS_PROFILE", "other")
    assert discover().url == "https://other"


@pytest.mark.usefixtures("profiles")
def test_the_environment_wins_over_a_profile_and_arguments_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_API_KEY", "mine")
    assert discover() == Endpoints("https://default", "wss://default/live", "mine")
    assert discover(key="given").key == "given"


@pytest.mark.usefixtures("local", "profiles")
def test_a_key_is_never_sent_to_another_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert discover("https://elsewhere") == Endpoints("https://elsewhere", None, None)
    monkeypatch.setenv("ORDERS_URL", "https://variable")
    monkeypatch.setenv("ORDERS_API_KEY", "variable-key")
    assert discover("https://elsewhere").key is None
    assert discover("https://variable").key == "variable-key"


@pytest.mark.usefixtures("profiles")
def test_an_unknown_profile_is_an_error() -> None:
    with pytest.raises(NotConfigured, match="missing"):
        discover(profile="missing")


@pytest.mark.parametrize("text", ["not toml", "[profiles]\ndefault = 1"])
def test_a_broken_file_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config" / "orders" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(NotConfigured, match=r"config\.toml"):
        discover()


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(Endpoints("https://x", None, "secret"))
