"""Bundles the files of web/ into one document that runs under a strict Content-Security-Policy.

web/index.html also works unbundled, with links to its style and script; both are inlined here. The ES modules become
one: each is placed after those that it imports, without its import lines and `export` keywords. Names at the top level
must therefore be unique across files; otherwise the browser rejects the script.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_WEB = Path(__file__).parent / "web"
_STYLES = '<link rel="stylesheet" href="styles.css">'
_CONFIGURATION = '<script type="application/json" id="configuration">{}</script>'
_SCRIPT = '<script type="module" src="main.js"></script>'
_IMPORT = re.compile(r'^import (?:\{[^}]*\} from )?"\./(\w+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """The page, and the Content-Security-Policy to send with it."""

    html: str
    policy: str


def assemble(websocket_url: str, api_key: str) -> Document:
    """The page for one WebSocket URL; with an API key (not empty) the page does not ask for one."""
    styles, script = _read("styles.css"), _script("main.js", set())
    configuration = _json({"webSocketUrl": websocket_url, "apiKey": api_key})
    html = _read("index.html")
    for mark, content in (
        (_STYLES, f"<style>{styles}</style>"),
        (_CONFIGURATION, _CONFIGURATION.replace("{}", configuration)),
        (_SCRIPT, f'<script type="module">{script}</script>'),
    ):
        before, found, after = html.partition(mark)
        assert found, mark
        html = before + content + after
    return Document(html, _policy(styles, script, websocket_url))


def _script(name: str, seen: set[str]) -> str:
    """A module, preceded by all modules that it imports, each once."""
    seen.add(name)
    source = _read(name)
    imported = "".join(_script(module, seen) for module in _IMPORT.findall(source) if module not in seen)
    return f"{imported}\n// ---- {name}\n{_EXPORT.sub('', _IMPORT.sub('', source))}"


def _policy(styles: str, script: str, websocket_url: str) -> str:
    url = urlsplit(websocket_url)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(styles)}",
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


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: object) -> str:
    """JSON that cannot close the script element that contains it."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _read(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")
