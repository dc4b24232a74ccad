"""The page at /, and its scripts and styles at /assets/. These routes are public."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snapshot_restore_py import register_before_snapshot

from assets import read_assets
from order_engine.contracts.caching import CACHE_CONTROL, entity_tag, is_known
from order_engine.settings import Settings as BaseSettings
from page import compose

if TYPE_CHECKING:  # avoids loading Powertools just for a type
    from aws_lambda_powertools.utilities.typing import LambdaContext

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
    """The composition root: everything that is served, by path. The files are read once, on the first event."""
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


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """HTTP API event (payload 2.0) → the page or one of its files, or 304 if the client has it."""
    resource = resources().get(event["rawPath"])
    if resource is None:
        return _not_found()
    if resource.is_known_to(event["headers"]):
        return {"statusCode": 304, "headers": resource.headers}
    return {"statusCode": 200, "headers": resource.headers, "body": resource.content}


def _not_found() -> dict[str, Any]:
    """The same answer as the api function's to an unknown route."""
    # Imported here, because loading the function would take a quarter longer and the page does not need it.
    from order_engine.contracts.json_text import dump  # noqa: PLC0415
    from order_engine.contracts.problems import CONTENT_TYPE, problem_document, status_of  # noqa: PLC0415
    from order_engine.domain.errors import RouteNotFound  # noqa: PLC0415

    error = RouteNotFound()
    headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
    return {"statusCode": int(status_of(error)), "headers": headers, "body": dump(problem_document(error))}
