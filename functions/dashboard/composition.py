"""The dashboard's composition root."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from snapshot_restore_py import register_before_snapshot

from assets import read_assets
from order_engine.contracts.caching import CACHE_CONTROL, entity_tag, is_known
from order_engine.settings import Settings as BaseSettings
from page import compose

_WEB = Path(__file__).parent / "web"
_PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Settings(BaseSettings):
    """See template.yaml."""

    websocket_url: str
    dashboard_api_key: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """What is served at one path."""

    content: str
    headers: dict[str, str]

    def is_known_to(self, client: dict[str, str]) -> bool:
        """Whether a client that sends these headers has the current version."""
        return "ETag" in self.headers and is_known(client.get("if-none-match"), self.headers["ETag"])


@cache
def resources() -> dict[str, Resource]:
    """Everything that is served, by path. The files are read once, on the first event."""
    settings = Settings.from_environment()
    assets = read_assets(_WEB)
    template = (_WEB / "index.html").read_text(encoding="utf-8")
    page = compose(template, assets, settings.websocket_url, settings.dashboard_api_key)
    caching = {"Cache-Control": "no-store"} if settings.dashboard_api_key else _cached(page.html)
    found = {"/": Resource(page.html, {**_PAGE_HEADERS, "Content-Security-Policy": page.policy, **caching})}
    for name, asset in assets.items():
        headers = {"Content-Type": asset.content_type, "X-Content-Type-Options": "nosniff"}
        found[f"/assets/{name}"] = Resource(asset.content, {**headers, **_cached(asset.content)})
    return found


def _cached(content: str) -> dict[str, str]:
    return {"Cache-Control": CACHE_CONTROL, "ETag": entity_tag(content)}


register_before_snapshot(resources)
