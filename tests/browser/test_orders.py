"""Placing orders and watching them."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Complaints
from tests.browser.desk import LIFE, Desk, placed_by_http
from tests.cloud import Cloud


def test_an_order_is_placed_and_seen_through_to_its_fill(new_desk: Callable[..., Desk]) -> None:
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


def test_steps_are_announced(desk: Desk) -> None:
    desk.place("0.5")
    expect(desk.announcer).to_have_text("0.5 SOL → USDC: confirmed")


def test_an_order_that_nobody_can_fill_says_why(desk: Desk, complaints: Complaints) -> None:
    complaints.allow(r"status of 422 .*/api/quotes")
    desk.fill("3", "RAY", "MET")
    expect(desk.page.locator("#quotes")).to_contain_text("does not trade RAY for MET")
    order_id = desk.place("3", "RAY", "MET")
    desk.has_steps(["pending", "routing", "failed"])
    expect(desk.order.locator(".summary")).to_contain_text("does not trade RAY for MET")
    expect(desk.order.locator(".summary")).to_contain_text("unsupported_pair")
    expect(desk.row(order_id)).to_contain_text("Failed")


def test_what_is_wrong_stands_at_its_field(desk: Desk, complaints: Complaints) -> None:
    complaints.allow(r"status of 422 ")
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


def test_a_lost_answer_places_no_second_order(desk: Desk, complaints: Complaints, http: httpx.Client) -> None:
    complaints.allow(r"ERR_FAILED")
    lost: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        if lost:
            return route.continue_()
        lost.append(route.fetch().json()["orderId"])
        return route.abort()

    desk.page.route("**/api/orders/execute", lose_the_first_answer)
    before = len(http.get("/api/orders?limit=100").json()["orders"])
    assert desk.place("0.75") == lost[0]
    desk.has_steps(LIFE)
    assert len(http.get("/api/orders?limit=100").json()["orders"]) == before + 1


def test_a_link_leads_to_its_order_also_after_a_reload(desk: Desk, http: httpx.Client) -> None:
    order_id = placed_by_http(http, "0.2")
    desk.page.goto(f"/#/orders/{order_id}")
    desk.has_steps(LIFE)
    desk.page.reload()
    desk.has_steps(LIFE)
    expect(desk.row(order_id)).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize("order_id", ["01990000-0000-7000-8000-000000000000", "<b>nonsense"])
def test_an_unknown_order_gets_a_friendly_word(desk: Desk, complaints: Complaints, order_id: str) -> None:
    complaints.allow(r"status of (404|422) .*/api/orders/")
    desk.page.goto(f"/#/orders/{order_id}")
    expect(desk.order).to_contain_text("There is no such order in this account")
    desk.order.get_by_role("link", name="Back to all orders").click()
    expect(desk.order).to_contain_text("No order chosen")


def test_orders_from_elsewhere_come_in_live(desk: Desk, http: httpx.Client) -> None:
    order_id = placed_by_http(http, "7", "JUP", "BONK")
    expect(desk.row(order_id)).to_contain_text("7 JUP → BONK")
    expect(desk.row(order_id)).to_contain_text("Confirmed")


def test_a_long_table_is_read_page_by_page_and_by_status(
    new_desk: Callable[..., Desk], new_key: Callable[[str], str], cloud: Cloud
) -> None:
    key = new_key("busy")
    with httpx.Client(base_url=cloud.http_url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        with ThreadPoolExecutor(4) as pool:  # more than a page of the API
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
