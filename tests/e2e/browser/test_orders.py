"""Placing and watching orders."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Route, expect

from order_engine.domain.lifecycle import Status
from testing.cloud import Cloud
from tests.e2e.browser.conftest import BrowserErrors
from tests.e2e.browser.dashboard import LIFE, Dashboard, placed_by_http


def test_an_order_is_shown_from_placement_to_fill(new_dashboard: Callable[..., Dashboard]) -> None:
    dashboard = new_dashboard(permissions=["clipboard-read", "clipboard-write"])
    dashboard.open()
    order_id = dashboard.place("1.25")
    dashboard.has_steps(LIFE)
    quotes = dashboard.step("building").locator(".quote")
    expect(quotes.locator(".venue")).to_contain_text(["Raydium", "Meteora"])
    expect(dashboard.step("building").locator(".quote.wins")).to_contain_text("Best")
    expect(dashboard.step("building").locator(".why")).to_contain_text("after fee and price impact")
    expect(dashboard.step("submitted")).to_contain_text("At least")
    expect(dashboard.step("confirmed")).to_contain_text("quoted")
    dashboard.step("submitted").get_by_role("button", name="Copy transaction hash").click()
    shown = dashboard.step("submitted").locator("code").text_content()
    assert shown and dashboard.page.evaluate("() => navigator.clipboard.readText()") == shown
    expect(dashboard.announcer).to_have_text("Copied transaction hash")
    expect(dashboard.row(order_id)).to_contain_text("Confirmed")
    expect(dashboard.page).to_have_title("1.25 SOL → USDC: confirmed")


def test_the_final_status_is_announced_to_screen_readers(dashboard: Dashboard) -> None:
    dashboard.place("0.5")
    expect(dashboard.announcer).to_have_text("0.5 SOL → USDC: confirmed")


def test_a_failed_order_shows_the_reason(dashboard: Dashboard, browser_errors: BrowserErrors) -> None:
    browser_errors.allow(r"status of 422 .*/api/quotes")
    dashboard.fill("3", "RAY", "MET")
    expect(dashboard.page.locator("#quotes")).to_contain_text("does not trade RAY for MET")
    order_id = dashboard.place("3", "RAY", "MET")
    dashboard.has_steps(["pending", "routing", "failed"])
    expect(dashboard.order.locator(".summary")).to_contain_text("does not trade RAY for MET")
    expect(dashboard.order.locator(".summary")).to_contain_text("unsupported_pair")
    expect(dashboard.row(order_id)).to_contain_text("Failed")


def test_validation_errors_are_shown_at_their_fields(dashboard: Dashboard, browser_errors: BrowserErrors) -> None:
    browser_errors.allow(r"status of 422 ")
    amount, slippage = dashboard.page.get_by_label("Amount"), dashboard.page.locator("#slippageBps")
    amount.fill("0.0000000001")
    expect(dashboard.page.locator("#amount-error")).to_have_text("Amount must have at most 9 decimals for SOL")
    expect(amount).to_have_attribute("aria-invalid", "true")
    amount.fill("1")
    expect(dashboard.page.locator("#amount-error")).to_be_empty()
    slippage.fill("20000")
    dashboard.place_button.click()
    expect(dashboard.page.locator("#slippageBps-error")).to_contain_text("10000")
    expect(slippage).to_be_focused()
    expect(dashboard.announcer).to_contain_text("Slippage")
    expect(dashboard.order).to_contain_text("No order chosen")


def lose_response(route: Route, order_id: str) -> None:
    route.abort()


def respond_outcome_unknown(route: Route, order_id: str) -> None:
    problem = {"status": 503, "code": "outcome_unknown", "detail": "For programs.", "orderId": order_id}
    route.fulfill(status=503, json=problem, content_type="application/problem+json")


@pytest.mark.parametrize("answer", [lose_response, respond_outcome_unknown])
def test_an_order_with_an_unknown_outcome_is_not_placed_twice(
    dashboard: Dashboard, browser_errors: BrowserErrors, http: httpx.Client, answer: Callable[[Route, str], None]
) -> None:
    browser_errors.allow(r"ERR_FAILED", r"status of 503 .*/execute")
    placed: list[str] = []

    def answer_instead(route: Route) -> None:
        if placed:
            return route.continue_()
        placed.append(route.fetch().json()["orderId"])
        return answer(route, placed[0])

    dashboard.page.route("**/api/orders/execute", answer_instead)
    before = len(http.get("/api/orders?limit=100").json()["orders"])
    assert dashboard.place("0.75") == placed[0]
    dashboard.has_steps(LIFE)
    assert len(http.get("/api/orders?limit=100").json()["orders"]) == before + 1


def inflate_the_first_quote(route: Route) -> None:
    quotes = route.fetch().json()
    quotes["quotes"][0]["amountOut"] = "5000"
    route.fulfill(json=quotes)


def test_an_unknown_outcome_is_shown_and_the_order_can_be_resubmitted(
    dashboard: Dashboard, browser_errors: BrowserErrors
) -> None:
    browser_errors.allow(r"status of 503 .*/execute")
    bodies: list[object] = []

    def record_and_respond_unknown(route: Route) -> None:
        bodies.append(route.request.post_data_json)
        respond_outcome_unknown(route, "01990000-0000-7000-8000-000000000000")

    dashboard.page.route("**/api/orders/execute", record_and_respond_unknown)
    dashboard.place_button.click()
    expect(dashboard.page.locator("#ticket-error")).to_have_text(
        "It may have been placed. Place it again: it will not be placed twice."
    )
    promised = str(dashboard.promise.text_content())
    dashboard.page.route("**/api/quotes?*", inflate_the_first_quote)
    dashboard.page.get_by_role("button", name="Refresh").click()
    expect(dashboard.page.locator("#quotes")).to_contain_text("5,000 USDC")
    expect(dashboard.promise).to_have_text(promised)
    dashboard.page.unroute("**/api/orders/execute")
    with dashboard.page.expect_request("**/api/orders/execute") as placing:
        dashboard.place_button.click()
    assert all(body == placing.value.post_data_json for body in bodies)
    dashboard.has_steps(LIFE)


def test_an_order_is_placed_with_the_minimum_that_the_form_shows(dashboard: Dashboard) -> None:
    expect(dashboard.promise).to_contain_text("You get at least")
    promised = re.sub("[^0-9.]", "", str(dashboard.promise.text_content()).split("USDC")[0])
    with dashboard.page.expect_request("**/api/orders/execute") as placing:
        order_id = dashboard.place("1")
    order = placing.value.post_data_json
    assert order
    assert order["minAmountOut"].startswith(promised)
    assert order["slippageBps"] == 50
    dashboard.has_steps(LIFE)
    expect(dashboard.row(order_id)).to_contain_text("Confirmed")


def test_no_minimum_is_shown_or_sent_before_the_quotes_for_the_order_arrive(dashboard: Dashboard) -> None:
    expect(dashboard.promise).to_contain_text("You get at least")
    dashboard.page.route("**/api/quotes?*", lambda route: None)  # never responds
    dashboard.fill("2")
    expect(dashboard.promise).to_be_empty()
    with dashboard.page.expect_request("**/api/orders/execute") as placing:
        dashboard.place_button.click()
    order = placing.value.post_data_json
    assert order
    assert "minAmountOut" not in order


def test_an_order_is_not_swapped_below_the_minimum_that_the_form_shows(dashboard: Dashboard) -> None:
    dashboard.page.route("**/api/quotes?*", inflate_the_first_quote)
    dashboard.page.get_by_role("button", name="Refresh").click()
    expect(dashboard.promise).to_contain_text("You get at least 4,975 USDC")
    order_id = dashboard.place("1")
    dashboard.has_steps(["pending", "routing", "pending"])
    expect(dashboard.order).to_contain_text("below_min_amount_out")
    facts = dashboard.order.locator(".summary .facts")
    expect(facts).to_contain_text("At least4,975 USDC")
    expect(facts).to_contain_text(re.compile(r"Expiresin [34] min \d+ s"))
    expect(dashboard.row(order_id)).to_contain_text("Pending")


def test_an_expired_order_shows_the_reason(dashboard: Dashboard, http: httpx.Client) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=12)).isoformat()
    order_id = placed_by_http(http, minAmountOut="5000", expiresAt=soon)
    dashboard.page.goto(f"/#/orders/{order_id}")
    dashboard.has_steps(["pending", "routing", "expired"])
    summary = dashboard.order.locator(".summary")
    expect(summary).to_contain_text("below_min_amount_out")
    expect(summary).to_contain_text("Expired")
    expect(summary).not_to_contain_text("Expires")
    dashboard.page.get_by_label("Status").select_option("Expired")
    expect(dashboard.row(order_id)).to_contain_text("Expired")
    expect(dashboard.rows).to_have_count(1)
    expect(dashboard.page.locator("#chart-rate").get_by_role("img")).to_have_accessible_name(re.compile("1 expired"))


def test_the_table_can_be_filtered_by_every_status(dashboard: Dashboard) -> None:
    options = dashboard.page.locator("#status-filter option")
    assert options.evaluate_all("options => options.map(({ value }) => value)") == ["", *Status]


def test_a_cancelled_order_is_shown_as_finished(new_dashboard: Callable[..., Dashboard], http: httpx.Client) -> None:
    placed = http.get(f"/api/orders/{placed_by_http(http)}").json()
    order_id = "01990000-0000-7000-8000-000000000000"
    first = {**placed["events"][0], "orderId": order_id}
    last = {**first, "sequence": 2, "status": "cancelled", "terminal": True}
    names = ("orderType", "tokenIn", "tokenOut", "amount", "slippageBps", "createdAt", "expiresAt")
    cancelled = {**{name: placed[name] for name in names}, **last, "updatedAt": last["at"]}
    dashboard = new_dashboard()
    dashboard.page.route(
        "**/api/orders?*", lambda route: route.fulfill(json={"orders": [cancelled], "nextCursor": None})
    )
    dashboard.page.route(
        f"**/api/orders/{order_id}", lambda route: route.fulfill(json={**cancelled, "events": [first, last]})
    )
    dashboard.open(f"/#/orders/{order_id}")
    dashboard.has_steps(["pending", "cancelled"])
    expect(dashboard.order.locator("[data-ahead]")).to_have_count(0)
    expect(dashboard.order.locator(".summary")).to_contain_text("Cancelled")
    expect(dashboard.order.locator(".summary")).not_to_contain_text("Expires")
    expect(dashboard.row(order_id)).to_contain_text("Cancelled")
    expect(dashboard.page.locator("#chart-rate").get_by_role("img")).to_have_accessible_name(re.compile("1 cancelled"))
    dashboard.page.get_by_label("Status").select_option("Cancelled")
    expect(dashboard.row(order_id)).to_be_visible()


def test_a_link_opens_its_order_and_a_reload_keeps_it(dashboard: Dashboard, http: httpx.Client) -> None:
    order_id = placed_by_http(http, "0.2")
    dashboard.page.goto(f"/#/orders/{order_id}")
    dashboard.has_steps(LIFE)
    dashboard.page.reload()
    dashboard.has_steps(LIFE)
    expect(dashboard.row(order_id)).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize("order_id", ["01990000-0000-7000-8000-000000000000", "<b>nonsense"])
def test_an_unknown_order_shows_an_explanation(
    dashboard: Dashboard, browser_errors: BrowserErrors, order_id: str
) -> None:
    browser_errors.allow(r"status of (404|422) .*/api/orders/")
    dashboard.page.goto(f"/#/orders/{order_id}")
    expect(dashboard.order).to_contain_text("There is no such order in this account")
    dashboard.order.get_by_role("link", name="Back to all orders").click()
    expect(dashboard.order).to_contain_text("No order chosen")


def test_orders_from_other_clients_appear_live(dashboard: Dashboard, http: httpx.Client) -> None:
    order_id = placed_by_http(http, "7", "JUP", "BONK")
    expect(dashboard.row(order_id)).to_contain_text("7 JUP → BONK")
    expect(dashboard.row(order_id)).to_contain_text("Confirmed")


def test_a_long_table_is_paged_and_filtered_by_status(
    new_dashboard: Callable[..., Dashboard], new_key: Callable[[str], str], cloud: Cloud
) -> None:
    key = new_key("busy")
    with httpx.Client(base_url=cloud.http_url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        with ThreadPoolExecutor(4) as pool:  # more than one page of the API
            list(pool.map(lambda _: placed_by_http(http, "1", "RAY", "MET"), range(104)))
        confirmed = placed_by_http(http)
    dashboard = new_dashboard()
    dashboard.open_without_key()
    dashboard.use_key(key)
    more = dashboard.page.get_by_role("button", name="Load more")
    for shown in (25, 50, 75, 100):
        expect(dashboard.rows).to_have_count(shown)
        more.click()
    expect(dashboard.rows).to_have_count(105)
    expect(more).to_be_hidden()
    dashboard.page.get_by_label("Status").select_option("confirmed")
    expect(dashboard.rows).to_have_count(1)
    expect(dashboard.row(confirmed)).to_be_visible()
    expect(dashboard.page.locator("#charts-note")).to_contain_text("105 orders")
    expect(dashboard.page.locator("#chart-rate").get_by_role("img")).to_have_accessible_name(
        re.compile("1 confirmed, 104 failed")
    )
