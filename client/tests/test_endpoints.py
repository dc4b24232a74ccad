"""How the client discovers the engine, and that it does not mix the settings of different engines."""

import json
from pathlib import Path

import pytest

from order_client import NotConfigured
from order_client.endpoints import Endpoints, discover

pytestmark = pytest.mark.usefixtures("no_other_engine")


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


def test_without_configuration_the_error_suggests_make_run() -> None:
    with pytest.raises(NotConfigured, match="make run"):
        discover()


@pytest.mark.usefixtures("local")
def test_the_local_cloud_is_found_from_a_subdirectory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subdirectory = tmp_path / "a" / "b"
    subdirectory.mkdir(parents=True)
    monkeypatch.chdir(subdirectory)
    assert discover() == Endpoints("http://local", "ws://local", "local-key")


@pytest.mark.usefixtures("local", "profiles")
def test_a_profile_takes_precedence_over_the_local_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    assert discover() == Endpoints("https://default", "wss://default/live", "default-key")
    assert discover(profile="other") == Endpoints("https://other", None, "other-key")
    monkeypatch.setenv("ORDERS_PROFILE", "other")
    assert discover().url == "https://other"


@pytest.mark.usefixtures("profiles")
def test_the_environment_overrides_a_profile_and_arguments_override_both(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_an_invalid_configuration_file_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config" / "orders" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(NotConfigured, match=r"config\.toml"):
        discover()


def test_the_key_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Endpoints("https://x", None, "secret"))
