"""Puts the files of web/ together into one document that a strict Content-Security-Policy lets run.

web/index.html is a page of its own, which links to its style and script; here both are put in the links' place. The ES
modules become one: each goes behind those that it imports, without its import lines and the word `export`. So names at
the top level must differ from file to file; the browser refuses the page if two do not.
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
    """The page, and the policy that must go with it."""

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
    """A module behind all that it imports, each once."""
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
            # Nothing may be parsed as HTML: the browser holds the scripts to it.
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _read(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")
