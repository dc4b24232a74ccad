"""Finds the engine: from explicit arguments, then the environment, then a profile, then a running local cloud.

A profile is a table of ~/.config/orders/config.toml (XDG_CONFIG_HOME is honoured):

    [profiles.default]
    url = "https://abc.execute-api.eu-west-1.amazonaws.com"
    ws-url = "wss://def.execute-api.eu-west-1.amazonaws.com/live"
    key = "oek_..."
"""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from order_client.errors import NotConfigured


@dataclass(frozen=True, slots=True)
class Endpoints:
    """`url` of the HTTP API, `ws_url` of the WebSocket API, and the API key; None if unknown."""

    url: str | None = None
    ws_url: str | None = None
    key: str | None = field(default=None, repr=False)


def discover(
    url: str | None = None, ws_url: str | None = None, key: str | None = None, profile: str | None = None
) -> Endpoints:
    """Merge the sources; earlier ones take precedence. Raises NotConfigured when there is no url.

    A source with a different url describes a different engine: nothing from it is used, least of all its key.
    """
    found = Endpoints(url, ws_url, key)
    for source in _sources(profile):
        if found.url and source.url and found.url.rstrip("/") != source.url.rstrip("/"):
            continue
        found = Endpoints(found.url or source.url, found.ws_url or source.ws_url, found.key or source.key)
    if not found.url:
        raise NotConfigured(
            "No engine found. Start the local cloud with 'make run' and run this in its directory, or specify an engine"
            " with --url, ORDERS_URL or a profile."
        )
    return replace(found, url=found.url.rstrip("/"))


def local_cloud() -> Mapping[str, Any] | None:
    """The endpoints of the local cloud that runs in this directory or one above it; None if there is none."""
    here = Path.cwd()
    for directory in (here, *here.parents):
        try:
            document = json.loads((directory / ".local" / "endpoints.json").read_text())
        except (OSError, ValueError):
            continue
        if isinstance(document, Mapping):
            return document
    return None


def _sources(profile: str | None) -> Iterator[Endpoints]:
    environment = os.environ
    yield Endpoints(
        environment.get("ORDERS_URL") or None,
        environment.get("ORDERS_WS_URL") or None,
        environment.get("ORDERS_API_KEY") or None,
    )
    yield _profile(profile or environment.get("ORDERS_PROFILE") or None)
    local = local_cloud() or {}
    yield Endpoints(local.get("httpUrl"), local.get("webSocketUrl"), local.get("apiKey"))


def _profile(name: str | None) -> Endpoints:
    """The named profile; without a name, `default` if there is one. Raises NotConfigured."""
    file = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "orders" / "config.toml"
    try:
        profiles = tomllib.loads(file.read_text()).get("profiles", {})
    except FileNotFoundError:
        profiles = {}
    except (OSError, ValueError) as error:
        raise NotConfigured(f"{file} cannot be read: {error}") from error
    if name and name not in profiles:
        raise NotConfigured(f"There is no profile {name!r} in {file}.")
    values = profiles.get(name or "default", {})
    if not isinstance(values, dict):
        raise NotConfigured(f"{file}: profiles are tables, such as [profiles.default].")
    return Endpoints(values.get("url"), values.get("ws-url"), values.get("key"))
