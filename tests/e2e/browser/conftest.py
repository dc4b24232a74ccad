"""A real browser on the dashboard of a local cloud, with mocked delays that make each step visible."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, expect, sync_playwright

from testing.accounts import api_keys
from testing.cloud import Cloud, running_cloud
from tests.e2e.browser.dashboard import Dashboard

ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=15_000)


@pytest.fixture(scope="package")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running local cloud."""
    # A long backoff: tests inspect an order before its second attempt, or let it expire.
    settings = {"MOCK_LATENCY": "0.3", "LOCAL_CONCURRENCY": "4", "BACKOFF_SECONDS": "12"}
    with running_cloud(tmp_path_factory.mktemp("cloud"), **settings) as cloud:
        yield cloud


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. Not session-scoped: while Playwright runs, nothing else can run an event loop in this thread."""
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None
    )
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS + sandbox)
        except Error as error:
            if found:
                raise
            pytest.skip(f"no Chromium: set CHROMIUM or run 'playwright install chromium' ({error.message[:80]})")
        yield browser
        browser.close()


class BrowserErrors:
    """Errors and warnings on the console, including violations of the page's security policy, and script errors."""

    def __init__(self) -> None:
        self._allowed: list[str] = []
        self._seen: list[str] = []

    def allow(self, *patterns: str) -> None:
        """Expect errors that match these patterns in this test; Chromium logs every error response."""
        self._allowed += patterns

    def watch(self, context: BrowserContext) -> None:
        """Record the errors of every page of the context."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self._seen.append(f"script: {error.error}"))

    def unexpected(self) -> list[str]:
        """The errors that match no allowed pattern."""
        return [text for text in self._seen if not any(re.search(pattern, text) for pattern in self._allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._seen.append(f"{message.text} ({message.location.get('url')})")


@pytest.fixture
def browser_errors() -> Iterator[BrowserErrors]:
    """Fails the test if there was an unexpected error."""
    errors = BrowserErrors()
    yield errors
    assert errors.unexpected() == []


@pytest.fixture
def new_dashboard(browser: Browser, cloud: Cloud, browser_errors: BrowserErrors) -> Iterator[Callable[..., Dashboard]]:
    """Creates a dashboard in a new browser context; takes the options of `Browser.new_context`."""
    contexts: list[BrowserContext] = []

    def open_dashboard(**options: Any) -> Dashboard:
        context = browser.new_context(base_url=cloud.http_url, **options)
        contexts.append(context)
        browser_errors.watch(context)
        return Dashboard(context.new_page(), cloud)

    yield open_dashboard
    for context in contexts:
        context.close()


@pytest.fixture
def dashboard(new_dashboard: Callable[..., Dashboard]) -> Dashboard:
    """The dashboard, loaded and connected."""
    dashboard = new_dashboard()
    dashboard.open()
    return dashboard


@pytest.fixture
def http(cloud: Cloud) -> Iterator[httpx.Client]:
    """A client for the HTTP API, with the dashboard's key."""
    with httpx.Client(base_url=cloud.http_url, headers=cloud.headers, timeout=15) as client:
        yield client


@pytest.fixture
def new_key(cloud: Cloud) -> Callable[[str], str]:
    """Creates a key for an account."""
    return lambda account: api_keys(cloud).create(account, "browser test")
