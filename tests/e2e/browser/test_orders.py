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
from tests.e2e.browser.desk import LIFE, Desk, placed_by_http


def test_an_order_is_shown_from_placement_to_fill(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk(permissions=["clipboard-read", "clipboard-write"])
    desk.open()
    order_id = desk.place("1.25")
    desk.has_steps(LIFE)
    quotes = desk.step("building").locator(".quote")
    expect(quotes.locator(".venue")).to_contain_text(["Raydium", "Meteora"])
    expect(desk.step("building").locator(".quote.wins")).to_contain_text("Best")
    expect(desk.step("building").locator(".why")).to_contain_text("after fee and price impact")
    expect(desk.step("submitted")).to_contain_text("At least")
    expect(desk.step("confirmed")).to_contain_text("quoted")
    desk.step("submitted").get_by_role("button", name="Copy transaction hash").click()
    shown = desk.step("submitted").locator("code").text_content()
    assert shown and desk.page.evaluate("() => navigator.clipboard.readText()") == shown
    expect(desk.announcer).to_have_text("Copied transaction hash")
    expect(desk.row(order_id)).to_contain_text("Confirmed")
    expect(desk.page).to_have_title("1.25 SOL → USDC: confirmed")


def test_the_final_status_is_announced_to_screen_readers(desk: Desk) -> None:
    desk.place("0.5")
    expect(desk.announcer).to_have_text("0.5 SOL → USDC: confirmed")


def test_a_failed_order_shows_the_reason(desk: Desk, browser_errors: BrowserErrors) -> None:
    browser_errors.allow(r"status of 422 .*/api/quotes")
    desk.fill("3", "RAY", "MET")
    expect(desk.page.locator("#quotes")).to_contain_text("does not trade RAY for MET")
    order_id = desk.place("3", "RAY", "MET")
    desk.has_steps(["pending", "routing", "failed"])
    expect(desk.order.locator(".summary")).to_contain_text("does not trade RAY for MET")
    expect(desk.order.locator(".summary")).to_contain_text("unsupported_pair")
    expect(desk.row(order_id)).to_contain_text("Failed")


def test_validation_errors_are_shown_at_their_fields(desk: Desk, browser_errors: BrowserErrors) -> None:
    browser_errors.allow(r"status of 422 ")
    amount, slippage = desk.page.get_by_label("Amount"), desk.page.locator("#slippageBps")
    amount.fill("0.0000000001")
    expect(desk.page.locator("#amount-error")).to_have_text("Amount must have at most 9 decimals for SOL")
    expect(amount).to_have_attribute("aria-invalid", "true")
    amount.fill("1")
    expect(desk.page.locator("#amount-error")).to_be_empty()
    slippage.fill("20000")
    desk.place_button.click()
    expect(desk.page.locator("#slippageBps-error")).to_contain_text("10000")
    expect(slippage).to_be_focused()
    expect(desk.announcer).to_contain_text("Slippage")
    expect(desk.order).to_contain_text("No order chosen")


def lose_response(route: Route, order_id: str) -> None:
    route.abort()


def respond_outcome_unknown(route: Route, order_id: str) -> None:
    problem = {"status": 503, "code": "outcome_unknown", "detail": "For programs.", "orderId": order_id}
    route.fulfill(status=503, json=problem, content_type="application/problem+json")


@pytest.mark.parametrize("answer", [lose_response, respond_outcome_unknown])
def test_an_order_with_an_unknown_outcome_is_not_placed_twice(
    desk: Desk, browser_errors: BrowserErrors, http: httpx.Client, answer: Callable[[Route, str], None]
) -> None:
    browser_errors.allow(r"ERR_FAILED", r"status of 503 .*/execute")
    placed: list[str] = []

    def answer_instead(route: Route) -> None:
        if placed:
            return route.continue_()
        placed.append(route.fetch().json()["orderId"])
        return answer(route, placed[0])

    desk.page.route("**/api/orders/execute", answer_instead)
    before = len(http.get("/api/orders?limit=100").json()["orders"])
    assert desk.place("0.75") == placed[0]
    desk.has_steps(LIFE)
    assert len(http.get("/api/orders?limit=100").json()["orders"]) == before + 1


def inflate_the_first_quote(route: Route) -> None:
    quotes = route.fetch().json()
    quotes["quotes"][0]["amountOut"] = "5000"
    route.fulfill(json=quotes)


def test_an_unknown_outcome_is_shown_and_the_order_can_be_resubmitted(
    desk: Desk, browser_errors: BrowserErrors
) -> None:
    browser_errors.allow(r"status of 503 .*/execute")
    bodies: list[object] = []

    def record_and_respond_unknown(route: Route) -> None:
        bodies.append(route.request.post_data_json)
        respond_outcome_unknown(route, "01990000-0000-7000-8000-000000000000")

    desk.page.route("**/api/orders/execute", record_and_respond_unknown)
    desk.place_button.click()
    expect(desk.page.locator("#ticket-error")).to_have_text(
        "It may have been placed. Place it again: it will not be placed twice."
    )
    promised = str(desk.promise.text_content())
    desk.page.route("**/api/quotes?*", inflate_the_first_quote)
    desk.page.get_by_role("button", name="Refresh").click()
    expect(desk.page.locator("#quotes")).to_contain_text("5,000 USDC")
    expect(desk.promise).to_have_text(promised)
    desk.page.unroute("**/api/orders/execute")
    with desk.page.expect_request("**/api/orders/execute") as placing:
        desk.place_button.click()
    assert all(body == placing.value.post_data_json for body in bodies)
    desk.has_steps(LIFE)


def test_an_order_is_placed_with_the_minimum_that_the_form_shows(desk: Desk) -> None:
    expect(desk.promise).to_contain_text("You get at least")
    promised = re.sub("[^0-9.]", "", str(desk.promise.text_content()).split("USDC")[0])
    with desk.page.expect_request("**/api/orders/execute") as placing:
        order_id = desk.place("1")
    order = placing.value.post_data_json
    assert order
    assert order["minAmountOut"].startswith(promised)
    assert order["slippageBps"] == 50
    desk.has_steps(LIFE)
    expect(desk.row(order_id)).to_contain_text("Confirmed")


def test_no_minimum_is_shown_or_sent_before_the_quotes_for_the_order_arrive(desk: Desk) -> None:
    expect(desk.promise).to_contain_text("You get at least")
    desk.page.route("**/api/quotes?*", lambda route: None)  # never responds
    desk.fill("2")
    expect(desk.promise).to_be_empty()
    with desk.page.expect_request("**/api/orders/execute") as placing:
        desk.place_button.click()
    order = placing.value.post_data_json
    assert order
    assert "minAmountOut" not in order


def test_an_order_is_not_swapped_below_the_minimum_that_the_form_shows(desk: Desk) -> None:
    desk.page.route("**/api/quotes?*", inflate_the_first_quote)
    desk.page.get_by_role("button", name="Refresh").click()
    expect(desk.promise).to_contain_text("You get at least 4,975 USDC")
    order_id = desk.place("1")
    desk.has_steps(["pending", "routing", "pending"])
    expect(desk.order).to_contain_text("below_min_amount_out")
    facts = desk.order.locator(".summary .facts")
    expect(facts).to_contain_text("At least4,975 USDC")
    expect(facts).to_contain_text(re.compile(r"Expiresin [34] min \d+ s"))
    expect(desk.row(order_id)).to_contain_text("Pending")


def test_an_expired_order_shows_the_reason(desk: Desk, http: httpx.Client) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=12)).isoformat()
    order_id = placed_by_http(http, minAmountOut="5000", expiresAt=soon)
    desk.page.goto(f"/#/orders/{order_id}")
    desk.has_steps(["pending", "routing", "expired"])
    summary = desk.order.locator(".summary")
    expect(summary).to_contain_text("below_min_amount_out")
    expect(summary).to_contain_text("Expired")
    expect(summary).not_to_contain_text("Expires")
    desk.page.get_by_label("Status").select_option("Expired")
    expect(desk.row(order_id)).to_contain_text("Expired")
    expect(desk.rows).to_have_count(1)
    expect(desk.page.locator("#chart-rate").get_by_role("img")).to_have_accessible_name(re.compile("1 expired"))


def test_the_table_can_be_filtered_by_every_status(desk: Desk) -> None:
    options = desk.page.locator("#status-filter option")
    assert options.evaluate_all("options => options.map(({ value }) => value)") == ["", *Status]


def test_a_cancelled_order_is_shown_as_finished(new_desk: Callable[..., Desk], http: httpx.Client) -> None:
    placed = http.get(f"/api/orders/{placed_by_http(http)}").json()
    order_id = "01990000-0000-7000-8000-000000000000"
    first = {**placed["events"][0], "orderId": order_id}
    last = {**first, "sequence": 2, "status": "cancelled", "terminal": True}
    fields = {name: placed[name] for name in ("tokenIn", "tokenOut", "amount", "slippageBps", "createdAt", "expiresAt")}
    cancelled = {**fields, **last, "updatedAt": last["at"]}
    desk = new_desk()
    desk.page.route("**/api/orders?*", lambda route: route.fulfill(json={"orders": [cancelled], "nextCursor": None}))
    desk.page.route(
        f"**/api/orders/{order_id}", lambda route: route.fulfill(json={**cancelled, "events": [first, last]})
    )
    desk.open(f"/#/orders/{order_id}")
    desk.has_steps(["pending", "cancelled"])
    expect(desk.order.locator("[data-ahead]")).to_have_count(0)
    expect(desk.order.locator(".summary")).to_contain_text("Cancelled")
    expect(desk.order.locator(".summary")).not_to_contain_text("Expires")
    expect(desk.row(order_id)).to_contain_text("Cancelled")
    expect(desk.page.locator("#chart-rate").get_by_role("img")).to_have_accessible_name(re.compile("1 cancelled"))
    desk.page.get_by_label("Status").select_option("Cancelled")
    expect(desk.row(order_id)).to_be_visible()


def test_a_link_opens_its_order_and_a_reload_keeps_it(desk: Desk, http: httpx.Client) -> None:
    order_id = placed_by_http(http, "0.2")
    desk.page.goto(f"/#/orders/{order_id}")
    desk.has_steps(LIFE)
    desk.page.reload()
    desk.has_steps(LIFE)
    expect(desk.row(order_id)).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize("order_id", ["01990000-0000-7000-8000-000000000000", "<b>nonsense"])
def test_an_unknown_order_shows_an_explanation(desk: Desk, browser_errors: BrowserErrors, order_id: str) -> None:
    browser_errors.allow(r"status of (404|422) .*/api/orders/")
    desk.page.goto(f"/#/orders/{order_id}")
    expect(desk.order).to_contain_text("There is no such order in this account")
    desk.order.get_by_role("link", name="Back to all orders").click()
    expect(desk.order).to_contain_text("No order chosen")


def test_orders_from_other_clients_appear_live(desk: Desk, http: httpx.Client) -> None:
    order_id = placed_by_http(http, "7", "JUP", "BONK")
    expect(desk.row(order_id)).to_contain_text("7 JUP → BONK")
    expect(desk.row(order_id)).to_contain_text("Confirmed")


def test_a_long_table_is_paged_and_filtered_by_status(
    new_desk: Callable[..., Desk], new_key: Callable[[str], str], cloud: Cloud
) -> None:
    key = new_key("busy")
    with httpx.Client(base_url=cloud.http_url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        with ThreadPoolExecutor(4) as pool:  # more than one page of the API
            list(pool.map(lambda _: placed_by_http(http, "1", "RAY", "MET"), range(104)))
        confirmed = placed_by_http(http)
    desk = new_desk()
    desk.open_without_key()
    desk.use_key(key)
    more = desk.page.get_by_role("button", name="Load more")
    for shown in (25, 50, 75, 100):
        expect(desk.rows).to_have_count(shown)
        more.click()
    expect(desk.rows).to_have_count(105)
    expect(more).to_be_hidden()
    desk.page.get_by_label("Status").select_option("confirmed")
    expect(desk.rows).to_have_count(1)
    expect(desk.row(confirmed)).to_be_visible()
    expect(desk.page.locator("#charts-note")).to_contain_text("105 orders")
    expect(desk.page.locator("#chart-rate").get_by_role("img")).to_have_accessible_name(
        re.compile("1 confirmed, 104 failed")
    )
