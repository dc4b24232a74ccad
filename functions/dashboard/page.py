"""Fills in web/index.html: its configuration and preload links; and the Content-Security-Policy to send with it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

_PRELOADS = "<!-- preload links -->\n"
_CONFIGURATION = '<script type="application/json" id="configuration">{}</script>'


@dataclass(frozen=True, slots=True)
class Page:
    """The page, and its Content-Security-Policy."""

    html: str
    policy: str


def compose(template: str, assets: Iterable[str], websocket_url: str, api_key: str) -> Page:
    """The page for these files in /assets/ and one WebSocket URL; with an API key (not empty) it does not ask for one.

    The browser would find the modules one import after the other, so it is told to load them all at once.
    """
    modules = [name for name in assets if name.endswith(".js") and name != "main.js"]
    configuration = _json({"webSocketUrl": websocket_url, "apiKey": api_key})
    html = template
    for mark, content in (
        (_PRELOADS, "".join(f'<link rel="modulepreload" href="/assets/{name}">\n' for name in modules)),
        (_CONFIGURATION, _CONFIGURATION.replace("{}", configuration)),
    ):
        before, found, after = html.partition(mark)
        assert found, mark
        html = before + content + after
    return Page(html, _policy(websocket_url))


def _policy(websocket_url: str) -> str:
    url = urlsplit(websocket_url)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src data:",
            f"connect-src 'self' {url.scheme}://{url.netloc}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            # The browser does not let scripts parse anything as HTML.
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _json(value: object) -> str:
    """JSON that cannot close the script element that contains it."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
