"""The HTML document: small, self-contained, and restricted by a content security policy."""

import base64
import hashlib
import json
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from tests.cloud import Cloud

SOURCE = Path(__file__).parents[2] / "functions" / "dashboard"


@pytest.fixture
def document(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that assembles the page."""
    specification = spec_from_file_location("dashboard_document", SOURCE / "document.py")
    assert specification and specification.loader
    module = module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "dashboard_document", module)  # `dataclass` looks the module up there
    specification.loader.exec_module(module)
    return module


def test_the_page_is_small_and_must_not_be_cached(cloud: Cloud) -> None:
    page = httpx.get(f"{cloud.http_url}/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert len(page.content) < 150_000
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"


def test_the_content_security_policy_allows_only_the_pages_own_script_and_style(cloud: Cloud) -> None:
    page = httpx.get(f"{cloud.http_url}/")
    directives = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page.text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == _hash(script)
    assert directives["style-src"] == _hash(style)
    assert directives["connect-src"] == "'self' " + cloud.websocket_url.removesuffix("/api/orders/status")
    assert directives["frame-ancestors"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert "unsafe" not in page.headers["content-security-policy"]


def test_a_setting_cannot_break_out_of_its_script_element(document: ModuleType) -> None:
    key = "</script><script>alert(1)</script><!-- &amp; ' \" \u2028"
    html = document.assemble("wss://example.com/live", key).html
    (configuration,) = re.findall(r'<script type="application/json" id="configuration">(.*?)</script>', html, re.DOTALL)
    assert json.loads(configuration) == {"webSocketUrl": "wss://example.com/live", "apiKey": key}
    assert html.count("<script") == 2


def test_every_source_file_is_in_the_page_once(document: ModuleType) -> None:
    html = document.assemble("wss://example.com/live", "").html
    modules = sorted(path.name for path in (SOURCE / "web").glob("*.js"))
    assert sorted(re.findall(r"^// ---- (.*)$", html, re.MULTILINE)) == modules
    assert not re.search(r"^(import|export) ", html, re.MULTILINE)
    assert "innerHTML" not in html


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
