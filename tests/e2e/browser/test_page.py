"""The page and its files: typed, cacheable, complete, and restricted by a content security policy."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import httpx
import pytest

from testing.cloud import Cloud
from testing.function_modules import function_modules
from tests.e2e.browser.dashboard import Dashboard

SOURCE = Path(__file__).parents[3] / "functions" / "dashboard"
WEB = SOURCE / "web"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
FILES = sorted(file.name for file in WEB.iterdir() if file.suffix in TYPES)
MODULES = {file.name: file.read_text() for file in WEB.glob("*.js")}


@pytest.fixture
def page_module() -> Iterator[ModuleType]:
    """The module that composes the page."""
    with function_modules("dashboard", "page") as modules:
        yield modules["page"]


def test_the_page_is_small_and_must_not_be_cached(cloud: Cloud) -> None:
    page = httpx.get(f"{cloud.http_url}/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert len(page.content) < 15_000
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"


def test_the_content_security_policy_allows_only_the_pages_own_files(cloud: Cloud) -> None:
    page = httpx.get(f"{cloud.http_url}/")
    directives = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert directives["default-src"] == directives["trusted-types"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["connect-src"] == "'self' " + cloud.websocket_url.removesuffix("/api/orders/status")
    assert directives["frame-ancestors"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert not re.search("unsafe|sha256|nonce", page.headers["content-security-policy"])


def test_a_setting_cannot_break_out_of_its_script_element(page_module: ModuleType) -> None:
    key = "</script><script>alert(1)</script><!-- &amp; ' \" \u2028"
    html = page_module.compose((WEB / "index.html").read_text(), FILES, "wss://example.com/live", key).html
    (configuration,) = re.findall(r'<script type="application/json" id="configuration">(.*?)</script>', html, re.DOTALL)
    assert json.loads(configuration) == {"webSocketUrl": "wss://example.com/live", "apiKey": key}
    assert html.count("<script") == 2


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_served_with_its_type_and_supports_conditional_requests(cloud: Cloud, name: str) -> None:
    url = f"{cloud.http_url}/assets/{name}"
    answer = httpx.get(url)
    assert (answer.status_code, answer.content) == (200, (WEB / name).read_bytes())
    assert answer.headers["content-type"] == TYPES[Path(name).suffix]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "public, max-age=300"
    tag = answer.headers["etag"]
    again = httpx.get(url, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert httpx.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "unknown.js",
        "index.html",  # only as the page, with its configuration and policy
        "types.d.ts",
        "MAIN.JS",
        "main.js%00",
        "..%2fapp.py",
        "%2e%2e%2fapp.py",
        "..%5capp.py",
        "%2fetc%2fpasswd",
    ],
)
def test_nothing_but_scripts_and_styles_is_served(cloud: Cloud, name: str) -> None:
    answer = httpx.get(f"{cloud.http_url}/assets/{name}", headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.json()["code"]) == (404, "route_not_found")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


def test_every_import_names_a_file_that_is_served_and_every_module_is_imported() -> None:
    imports = {name for text in MODULES.values() for name in re.findall(r'^import [^;"]*"([^"]+)";$', text, re.M)}
    assert len(re.findall(r"^import ", "\n".join(MODULES.values()), re.M)) > 40
    assert imports == {f"./{name}" for name in MODULES if name != "main.js"}
    assert not [name for name, text in MODULES.items() if "innerHTML" in text or "import(" in text]


def test_the_page_preloads_every_module(cloud: Cloud) -> None:
    html = httpx.get(f"{cloud.http_url}/").text
    preloaded = re.findall(r'<link rel="modulepreload" href="/assets/([\w.]+)">', html)
    assert preloaded == sorted(MODULES.keys() - {"main.js"})


def test_the_browser_requests_every_file_once(new_dashboard: Callable[..., Dashboard]) -> None:
    dashboard = new_dashboard()
    paths: list[str] = []
    dashboard.page.on("request", lambda request: paths.append(urlsplit(request.url).path))
    dashboard.open()
    assert sorted(path for path in paths if not path.startswith("/api/")) == [
        "/",
        *(f"/assets/{name}" for name in FILES),
    ]
