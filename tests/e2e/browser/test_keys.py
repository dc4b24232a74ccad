"""API keys: the prompt, rejected keys, forgetting a key, and the separation of accounts."""

from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from tests.e2e.browser.conftest import BrowserErrors
from tests.e2e.browser.dashboard import Dashboard, placed_by_http


def test_without_a_preset_key_the_page_prompts_for_one(
    new_dashboard: Callable[..., Dashboard], browser_errors: BrowserErrors, new_key: Callable[[str], str]
) -> None:
    browser_errors.allow(r"status of 401 ")
    dashboard = new_dashboard()
    dashboard.open_without_key()
    dialog = dashboard.page.get_by_role("dialog", name="API key")
    dashboard.use_key("oek_wrong")
    expect(dialog).to_contain_text("The engine does not know this key")
    dashboard.use_key("no key at all")
    expect(dialog).to_contain_text("This is not a key")
    dashboard.use_key(new_key("new-account"))
    expect(dialog).to_be_hidden()
    dashboard.is_live()
    dashboard.page.reload()
    dashboard.is_live()
    dashboard.page.get_by_role("button", name="Forget key").click()
    expect(dialog).to_be_visible()
    assert dashboard.page.evaluate("() => sessionStorage.length") == 0


def test_the_page_prompts_for_a_new_key_when_one_is_rejected(
    dashboard: Dashboard, browser_errors: BrowserErrors
) -> None:
    browser_errors.allow(r"status of 401 ")
    dashboard.page.route("**/api/quotes*", lambda route: route.fulfill(status=401, json={"message": "Unauthorized"}))
    dashboard.page.get_by_role("button", name="Refresh").click()
    expect(dashboard.page.get_by_role("dialog", name="API key")).to_contain_text("does not accept this key")


def test_accounts_do_not_see_each_others_orders(
    dashboard: Dashboard,
    new_dashboard: Callable[..., Dashboard],
    browser_errors: BrowserErrors,
    new_key: Callable[[str], str],
    http: httpx.Client,
) -> None:
    browser_errors.allow(r"status of 404 ")
    other = new_dashboard()
    other.open()
    other.page.get_by_role("button", name="Change key").click()
    other.use_key(new_key("neighbour"))
    other.is_live()
    expect(other.page.locator("#orders-empty")).to_have_text("No orders yet. Place the first one.")
    mine = placed_by_http(http, "9")
    expect(dashboard.row(mine)).to_contain_text("Confirmed")
    theirs = other.place("8")
    expect(other.row(theirs)).to_contain_text("Confirmed")
    expect(other.rows).to_have_count(1)
    expect(dashboard.row(theirs)).to_have_count(0)
    other.page.goto(f"/#/orders/{mine}")
    expect(other.order).to_contain_text("There is no such order in this account")
