"""The page at /: one document with everything in it, since only this one route is public."""

from functools import cache
from typing import TYPE_CHECKING, Any

from snapshot_restore_py import register_before_snapshot

from document import Document, assemble
from order_engine.settings import Settings as BaseSettings

if TYPE_CHECKING:  # Powertools is not loaded for the sake of a type
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Settings(BaseSettings):
    """See template.yaml."""

    websocket_url: str
    dashboard_api_key: str = ""


@cache
def page() -> Document:
    """The composition root: the page is put together at the first event."""
    settings = Settings.from_environment()
    return assemble(settings.websocket_url, settings.dashboard_api_key)


register_before_snapshot(page)


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """HTTP API event (payload 2.0) → the page."""
    document = page()
    return {
        "statusCode": 200,
        "headers": {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": document.policy,
            "Cache-Control": "no-store",  # it may hold a key
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
        "body": document.html,
    }
