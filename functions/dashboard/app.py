"""The page at /: a single self-contained document, since only this route is public."""

from functools import cache
from typing import TYPE_CHECKING, Any

from snapshot_restore_py import register_before_snapshot

from document import Document, assemble
from order_engine.contracts.caching import CACHE_CONTROL, entity_tag, is_known
from order_engine.settings import Settings as BaseSettings

if TYPE_CHECKING:  # avoids loading Powertools just for a type
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Settings(BaseSettings):
    """See template.yaml."""

    websocket_url: str
    dashboard_api_key: str = ""


@cache
def page() -> tuple[Document, dict[str, str]]:
    """The composition root: the page, assembled on the first event, and its caching headers."""
    settings = Settings.from_environment()
    document = assemble(settings.websocket_url, settings.dashboard_api_key)
    if settings.dashboard_api_key:
        return document, {"Cache-Control": "no-store"}
    return document, {"Cache-Control": CACHE_CONTROL, "ETag": entity_tag(document.html)}


register_before_snapshot(page)


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """HTTP API event (payload 2.0) → the page, or 304 if the client has it."""
    document, caching = page()
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": document.policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        **caching,
    }
    if "ETag" in caching and is_known(event["headers"].get("if-none-match"), caching["ETag"]):
        return {"statusCode": 304, "headers": headers}
    return {"statusCode": 200, "headers": headers, "body": document.html}
