"""Limit, stop and sniper orders: placing, editing and cancelling them, and what the page shows while they rest."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Request, Route, expect

from testing.cloud import Cloud
from tests.e2e.browser.conftest import BrowserErrors
from tests.e2e.browser.dashboard import (
    LIFE,
    Dashboard,
    market_price,
    placed_by_http,
    times_market,
    wait_until_finished,
)
from tests.e2e.browser.network import FaultyNetwork

ABOVE = re.compile(r"\+\d+\.\d\d %")
BELOW = re.compile("\N{MINUS SIGN}" + r"\d+\.\d\d %")


def placed_far_above(http: httpx.Client, amount: str) -> str:
    """Place a limit order that does not come near the market."""
    return placed_by_http(http, amount, orderType="limit", limitPrice=times_market(http, "1.5"))


def is_patch(request: Request) -> bool:
    return request.method == "PATCH"


def test_a_limit_order_far_from_the_market_rests_is_edited_and_cancelled(
    dashboard: Dashboard, http: httpx.Client
) -> None:
    limit = times_market(http, "1.2")
    dashboard.choose("Limit", limit)
    hint = dashboard.page.locator("#limitPrice-market")
    expect(hint).to_contain_text(
        re.compile(r"The market pays [\d.]+ USDC per SOL now; your price is [\d.]+ % above it")
    )
    dashboard.ticket.get_by_label("Expires after").select_option("1 day")
    order_id = dashboard.place("1.5")
    dashboard.has_steps(["resting"])
    expect(dashboard.step("resting")).to_contain_text("Waits until the market pays at least")
    expect(dashboard.order.locator(".summary .facts")).to_contain_text(re.compile(r"Expiresin 23 h 59 min"))
    row = dashboard.resting_row(order_id)
    expect(row).to_contain_text("1.5 SOL → USDC")
    expect(row.locator("[data-distance]")).to_have_text(ABOVE)
    expect(dashboard.row(order_id)).to_contain_text("Resting")

    row.get_by_role("button", name="Edit").click()
    expect(dashboard.editor.get_by_label("Limit price")).to_have_value(limit.rstrip("0"))
    dashboard.editor.get_by_label("Limit price").fill("300")
    expect(dashboard.editor).to_contain_text("% above it")
    dashboard.editor.get_by_label("Amount").fill("2")
    dashboard.editor.get_by_label("Expires").select_option("In 1 hour")
    with dashboard.page.expect_request(is_patch) as editing:
        dashboard.editor.get_by_role("button", name="Save").click()
    assert editing.value.post_data_json
    assert editing.value.post_data_json.keys() == {"limitPrice", "amount", "expiresAt"}
    expect(dashboard.editor).to_be_hidden()
    expect(row).to_contain_text("2 SOL → USDC")
    expect(row).to_contain_text("300")
    dashboard.has_steps(["resting", "resting"])
    replaced = dashboard.step("resting").last
    expect(replaced).to_contain_text("Replaced")
    expect(replaced).to_contain_text("→ 300 USDC per SOL, amount 1.5 → 2 SOL, expiry")
    expect(dashboard.order.get_by_role("heading", level=2)).to_have_text("2 SOL → USDC")

    row.get_by_role("button", name="Cancel").click()
    expect(row).to_have_count(0)
    expect(dashboard.notice).to_have_text("2 SOL → USDC is cancelled.")
    dashboard.has_steps(["resting", "resting", "cancelled"])
    expect(dashboard.step("cancelled")).to_contain_text("Cancelled before it was executed")
    expect(dashboard.order.get_by_role("button", name="Cancel")).to_have_count(0)


def test_a_form_shows_the_fields_and_the_promise_of_its_type(dashboard: Dashboard) -> None:
    limit, stop = dashboard.ticket.get_by_label("Limit price"), dashboard.ticket.get_by_label("Stop price")
    expiry = dashboard.ticket.get_by_label("Expires after")
    expect(dashboard.promise).to_contain_text("You get at least")
    expect(expiry).to_be_hidden()
    dashboard.choose("Limit", "150.25")
    dashboard.fill("2")
    expect(stop).to_be_hidden()
    expect(dashboard.promise).to_have_text("You get at least 300.5 USDC, or nothing is swapped.")
    expect(expiry.locator("option:checked")).to_have_text("7 days")
    dashboard.choose("Stop", "1")
    expect(limit).to_be_hidden()
    expect(dashboard.page.locator("#stopPrice-market")).to_contain_text("% below it")
    expect(dashboard.promise).to_contain_text("no amount is fixed before")
    dashboard.choose("Sniper")
    expect(stop).to_be_hidden()
    expect(dashboard.ticket).to_contain_text("Waits until a venue lists the pair")
    expect(dashboard.promise).to_contain_text("no amount is fixed before")
    dashboard.choose("Market")
    expect(expiry).to_be_hidden()
    expect(dashboard.promise).to_contain_text("You get at least")


def test_an_invalid_price_is_shown_at_its_field(dashboard: Dashboard, browser_errors: BrowserErrors) -> None:
    browser_errors.allow(r"status of 422 .*/execute")
    dashboard.choose("Limit", "0")
    dashboard.place_button.click()
    expect(dashboard.page.locator("#limitPrice-error")).to_have_text("Limit price must be greater than 0")
    expect(dashboard.ticket.get_by_label("Limit price")).to_be_focused()
    dashboard.choose("Stop")
    expect(dashboard.page.locator("#limitPrice-error")).to_be_empty()
    dashboard.place_button.click()
    expect(dashboard.page.locator("#stopPrice-error")).to_contain_text("Stop price must be a number")


@pytest.mark.parametrize(
    ("order_type", "factor", "message"),
    [("Limit", "0.8", "Limit price is far below the market"), ("Stop", "1.2", "Stop price is not below the market")],
)
def test_a_price_out_of_range_is_shown_and_can_be_forced(
    dashboard: Dashboard,
    browser_errors: BrowserErrors,
    http: httpx.Client,
    order_type: str,
    factor: str,
    message: str,
) -> None:
    browser_errors.allow(r"status of 422 .*/execute")
    dashboard.choose(order_type, times_market(http, factor))
    dashboard.fill("0.31")
    with dashboard.page.expect_request("**/api/orders/execute") as refused:
        dashboard.place_button.click()
    expect(dashboard.ticket).to_contain_text(re.compile(message + r", which pays [\d.]+ USDC per SOL now"))
    force = dashboard.page.get_by_role("button", name="Place it anyway")
    dashboard.ticket.get_by_label("Amount").fill("0.32")
    expect(force).to_be_hidden()
    dashboard.ticket.get_by_label("Amount").fill("0.31")
    with dashboard.page.expect_request("**/api/orders/execute") as refused:
        dashboard.place_button.click()
    with dashboard.page.expect_request("**/api/orders/execute") as forced:
        force.click()
    expiry = {"expiresAt": _body(forced.value)["expiresAt"]}
    assert _body(forced.value) == {**_body(refused.value), **expiry, "force": True}
    dashboard.has_steps(LIFE)
    expect(dashboard.step("pending")).to_contain_text("paid")
    expect(force).to_be_hidden()


def _body(request: Request) -> dict[str, Any]:
    document = request.post_data_json
    assert isinstance(document, dict)
    return document


def test_a_price_out_of_range_can_be_forced_when_it_is_edited(
    dashboard: Dashboard, browser_errors: BrowserErrors, http: httpx.Client
) -> None:
    browser_errors.allow(r"status of 422 .*/api/orders/")
    order_id = placed_far_above(http, "0.41")
    dashboard.resting_row(order_id).get_by_role("button", name="Edit").click()
    dashboard.editor.get_by_label("Limit price").fill(times_market(http, "0.8"))
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.editor).to_contain_text("Limit price is far below the market")
    dashboard.editor.get_by_role("button", name="Change it anyway").click()
    expect(dashboard.editor).to_be_hidden()
    expect(dashboard.row(order_id)).to_contain_text("Confirmed")


def test_a_limit_at_the_market_is_filled_and_shows_what_triggered_it(dashboard: Dashboard, http: httpx.Client) -> None:
    limit = times_market(http, "0.98")
    dashboard.choose("Limit", limit)
    order_id = dashboard.place("0.52")
    dashboard.has_steps(LIFE)
    triggered = re.compile(r"(Raydium|Meteora) paid [\d.]+ USDC per SOL at \d\d:\d\d:\d\d\.\d{3}\.")
    expect(dashboard.step("pending")).to_contain_text(triggered)
    expect(dashboard.order.locator(".summary .facts")).to_contain_text(re.compile(r"Triggered.*\d\d:\d\d:\d\d"))
    expect(dashboard.resting_row(order_id)).to_have_count(0)
    order = http.get(f"/api/orders/{order_id}").json()
    assert float(order["executedPrice"]) >= float(limit)


def test_a_resting_order_is_triggered_once_its_price_is_reached(dashboard: Dashboard, http: httpx.Client) -> None:
    order_id = placed_far_above(http, "0.53")
    dashboard.page.goto(f"/#/orders/{order_id}")
    dashboard.has_steps(["resting"])
    assert http.patch(f"/api/orders/{order_id}", json={"limitPrice": times_market(http, "0.98")}).status_code == 200
    dashboard.has_steps(["resting", "resting", *LIFE])
    expect(dashboard.step("pending")).to_contain_text("Triggered, waiting in the queue")
    expect(dashboard.step("pending")).to_contain_text("paid")
    expect(dashboard.resting_row(order_id)).to_have_count(0)


def test_an_order_whose_size_moves_the_price_rests_again(dashboard: Dashboard, http: httpx.Client) -> None:
    order_id = placed_by_http(http, "30000", orderType="limit", limitPrice=times_market(http, "0.99"))
    dashboard.page.goto(f"/#/orders/{order_id}")
    dashboard.has_steps(["pending", "routing", "resting"])
    expect(dashboard.order.get_by_role("heading", name="Attempt 1, not counted")).to_be_visible()
    rested = dashboard.step("resting")
    expect(rested).to_contain_text("The price was gone, waiting for it again")
    expect(rested).to_contain_text("below_min_amount_out")
    expect(rested.locator(".countdown")).to_contain_text(re.compile(r"At its price, it is tried again in \d+ s"))
    expect(dashboard.order.locator(".summary .facts")).not_to_contain_text("Triggered")
    expect(dashboard.resting_row(order_id)).to_contain_text("reached")
    dashboard.order.get_by_role("button", name="Edit").click()
    dashboard.editor.get_by_label("Amount").fill("0.3")
    dashboard.editor.get_by_role("button", name="Save").click()
    expect(dashboard.order.locator(".attempt").first).to_contain_text("Attempt 1, not counted")
    expect(dashboard.order.get_by_role("heading", name="Attempt 1", exact=True)).to_be_visible()
    expect(dashboard.row(order_id)).to_contain_text("Confirmed")
    expect(dashboard.step("resting").last).to_contain_text("Amount 30,000 → 0.3 SOL")


def test_a_stop_order_shows_how_far_the_price_has_to_fall(dashboard: Dashboard, http: httpx.Client) -> None:
    dashboard.choose("Stop", times_market(http, "0.7"))
    order_id = dashboard.place("0.61")
    expect(dashboard.step("resting")).to_contain_text("Waits until the market pays no more than")
    expect(dashboard.resting_row(order_id).locator("[data-distance]")).to_have_text(BELOW)
    dashboard.order.get_by_role("button", name="Cancel").click()
    dashboard.has_steps(["resting", "cancelled"])


def test_a_sniper_waits_for_a_listing(dashboard: Dashboard, browser_errors: BrowserErrors, cloud: Cloud) -> None:
    browser_errors.allow(r"status of 422 .*/api/quotes")
    dashboard.choose("Sniper")
    order_id = dashboard.place("5", "USDC", "MOON")
    expect(dashboard.step("resting")).to_contain_text("Waits until a venue lists USDC for MOON.")
    expect(dashboard.resting_row(order_id).locator("[data-distance]")).to_have_text("\N{EN DASH}")
    dashboard.resting_row(order_id).get_by_role("button", name="Edit").click()
    expect(dashboard.editor.get_by_label("price")).to_have_count(0)
    dashboard.page.keyboard.press("Escape")
    with psycopg.connect(cloud.database_url) as owner:
        owner.execute("INSERT INTO mock_chain.listings (token, venue) VALUES ('MOON', 'raydium')")
    dashboard.has_steps(["resting", *LIFE])
    expect(dashboard.step("pending")).to_contain_text("Raydium paid")


def test_all_resting_orders_can_be_cancelled(
    new_dashboard: Callable[..., Dashboard], new_key: Callable[[str], str], cloud: Cloud
) -> None:
    key = new_key("cancels-all")
    with httpx.Client(base_url=cloud.http_url, headers={"Authorization": f"Bearer {key}"}, timeout=15) as http:
        orders = [placed_far_above(http, amount) for amount in ("0.71", "0.72", "0.73")]
    dashboard = new_dashboard()
    dashboard.open_without_key()
    dashboard.use_key(key)
    expect(dashboard.resting.locator("tbody tr")).to_have_count(3)
    dashboard.resting.get_by_role("button", name="Cancel all").click()
    expect(dashboard.notice).to_have_text("3 orders cancelled.")
    for order_id in orders:
        expect(dashboard.row(order_id)).to_contain_text("Cancelled")
    expect(dashboard.resting).to_be_hidden()
    dashboard.page.get_by_role("button", name="Dismiss").click()
    expect(dashboard.notice).to_be_hidden()


def test_another_tab_sees_changes_by_the_socket_alone(
    dashboard: Dashboard,
    new_dashboard: Callable[..., Dashboard],
    browser_errors: BrowserErrors,
    http: httpx.Client,
) -> None:
    browser_errors.allow("ERR_FAILED")
    order_id = placed_far_above(http, "0.81")
    other = new_dashboard()
    other.open()
    expect(other.resting_row(order_id)).to_be_visible()
    other.page.route(re.compile("/api/orders"), lambda route: route.abort())
    dashboard.resting_row(order_id).get_by_role("button", name="Edit").click()
    dashboard.editor.get_by_label("Limit price").fill("400.5")
    dashboard.editor.get_by_label("Amount").fill("0.82")
    dashboard.editor.get_by_role("button", name="Save").click()
    expect(other.resting_row(order_id)).to_contain_text("0.82 SOL → USDC")
    expect(other.resting_row(order_id)).to_contain_text("400.5")
    dashboard.resting_row(order_id).get_by_role("button", name="Cancel").click()
    expect(other.resting_row(order_id)).to_have_count(0)
    expect(other.row(order_id)).to_contain_text("Cancelled")


def test_what_happened_instead_of_an_edit_is_shown(
    dashboard: Dashboard, browser_errors: BrowserErrors, http: httpx.Client
) -> None:
    browser_errors.allow("status of 409 ")
    order_id = placed_far_above(http, "0.91")
    dashboard.resting_row(order_id).get_by_role("button", name="Edit").click()
    dashboard.editor.get_by_label("Amount").fill("0.92")

    def cancel_first(route: Route) -> None:
        assert http.delete(f"/api/orders/{order_id}").status_code == 200
        route.continue_()

    dashboard.page.route(f"**/api/orders/{order_id}", cancel_first)
    dashboard.editor.get_by_role("button", name="Save").click()
    expect(dashboard.notice).to_have_text("0.91 SOL → USDC is not changed. It is cancelled.")
    expect(dashboard.editor).to_be_hidden()
    expect(dashboard.resting_row(order_id)).to_have_count(0)
    expect(dashboard.row(order_id)).to_contain_text("Cancelled")


def test_what_happened_instead_of_a_cancellation_is_shown(
    dashboard: Dashboard, browser_errors: BrowserErrors, http: httpx.Client
) -> None:
    browser_errors.allow("status of 409 ")
    order_id = placed_far_above(http, "0.93")

    def fill_first(route: Route) -> None:
        terms = {"limitPrice": times_market(http, "0.98")}
        assert http.patch(f"/api/orders/{order_id}", json=terms).status_code == 200
        wait_until_finished(http, order_id)
        route.continue_()

    row = dashboard.resting_row(order_id)
    expect(row).to_be_visible()
    dashboard.page.route(f"**/api/orders/{order_id}", fill_first)
    row.get_by_role("button", name="Cancel").click()
    expect(dashboard.notice).to_contain_text(
        re.compile(r"0\.93 SOL → USDC is not cancelled\. It was filled: [\d.]+ USDC received")
    )
    expect(dashboard.row(order_id)).to_contain_text("Confirmed")


def test_a_cancellation_that_came_too_late_is_shown(
    new_dashboard: Callable[..., Dashboard], browser_errors: BrowserErrors, http: httpx.Client
) -> None:
    browser_errors.allow("status of 409 ")
    order_id = placed_by_http(http, "0.94")
    wait_until_finished(http, order_id)
    order = http.get(f"/api/orders/{order_id}").json()
    submitted = order["events"][3]
    requested = {**submitted, "sequence": 5, "cancelRequested": True}
    error = {"code": "transaction_reverted", "message": "the chain reverted the transaction"}
    cancelled = {**requested, "sequence": 6, "status": "cancelled", "terminal": True, "error": error}
    asked = {name: value for name, value in order.items() if name not in ("amountOut", "executedPrice", "events")}

    def document(*later: dict[str, Any]) -> dict[str, Any]:
        events = [*order["events"][:4], *later]
        return {**asked, **events[-1], "updatedAt": events[-1]["at"], "events": events}

    shown = document()

    def respond(route: Route) -> None:
        nonlocal shown
        if route.request.method == "GET":
            return route.fulfill(json=shown)
        shown = document(requested)
        return route.fulfill(status=409, json={"code": "already_submitted", "order": shown})

    dashboard = new_dashboard()
    FaultyNetwork(dashboard).loses = lambda frame: order_id in frame
    dashboard.page.route(f"**/api/orders/{order_id}", respond)
    dashboard.page.route("**/api/orders?*", lambda route: route.fulfill(json={"orders": [], "nextCursor": None}))
    dashboard.open(f"/#/orders/{order_id}")
    dashboard.has_steps(LIFE[:4])
    dashboard.order.get_by_role("button", name="Cancel").click()
    expect(dashboard.notice).to_have_text(
        "0.94 SOL → USDC is not cancelled. Its transaction is already sent."
        " If that does not land, the order ends cancelled."
    )
    dashboard.has_steps([*LIFE[:4], "submitted"])
    expect(dashboard.step("submitted").last).to_contain_text("It was too late to stop the transaction")
    expect(dashboard.order.locator(".summary")).to_contain_text("Cancellation requested")
    expect(dashboard.order.get_by_role("button", name="Cancel")).to_have_count(0)
    shown = document(requested, cancelled)
    dashboard.page.reload()
    dashboard.has_steps([*LIFE[:4], "submitted", "cancelled"])
    expect(dashboard.step("cancelled")).to_contain_text("Cancelled after its transaction did not land")
    expect(dashboard.order.locator(".summary")).to_contain_text("The chain reverted the transaction")


def test_terms_whose_events_were_lost_are_read_again(
    new_dashboard: Callable[..., Dashboard], http: httpx.Client
) -> None:
    order_id = placed_far_above(http, "1.01")
    dashboard = new_dashboard()
    network = FaultyNetwork(dashboard)
    network.loses = lambda frame: '"resting"' in frame
    dashboard.open()
    expect(dashboard.resting_row(order_id)).to_contain_text("1.01 SOL → USDC")
    terms = {"limitPrice": times_market(http, "0.98"), "amount": "1.02"}
    assert http.patch(f"/api/orders/{order_id}", json=terms).status_code == 200
    expect(dashboard.row(order_id)).to_contain_text("Confirmed")
    expect(dashboard.row(order_id)).to_contain_text("1.02 SOL → USDC")


def test_resting_orders_are_listed_however_many_orders_followed(
    new_dashboard: Callable[..., Dashboard], http: httpx.Client
) -> None:
    order_id = placed_far_above(http, "1.11")
    dashboard = new_dashboard()
    # The pages of all orders do not reach back to it.
    dashboard.page.route(
        "**/api/orders?limit=100", lambda route: route.fulfill(json={"orders": [], "nextCursor": None})
    )
    dashboard.open()
    expect(dashboard.resting_row(order_id)).to_be_visible()
    assert http.delete(f"/api/orders/{order_id}").status_code == 200


def test_prices_are_polled_only_while_the_page_is_visible_and_orders_rest(
    new_dashboard: Callable[..., Dashboard], new_key: Callable[[str], str], cloud: Cloud
) -> None:
    key = new_key("watches-prices")
    dashboard = new_dashboard()
    polled: list[Request] = []
    dashboard.page.on("request", lambda request: polled.append(request) if "tokenIn=JUP" in request.url else None)
    dashboard.page.clock.install()
    dashboard.open_without_key()
    dashboard.use_key(key)
    dashboard.is_live()
    with httpx.Client(base_url=cloud.http_url, headers={"Authorization": f"Bearer {key}"}, timeout=15) as http:
        limit = times_market(http, "1.5", "JUP")
        order_id = placed_by_http(http, "7", "JUP", orderType="limit", limitPrice=limit)
        expect(dashboard.resting_row(order_id).locator("[data-distance]")).to_have_text(ABOVE)
        hide = "hidden => Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })"
        dashboard.page.evaluate(hide, True)
        before = len(polled)
        dashboard.page.clock.fast_forward(6_000)
        assert len(polled) == before
        dashboard.page.evaluate(hide, False)
        with dashboard.page.expect_request(re.compile("tokenIn=JUP")):
            dashboard.page.clock.fast_forward(6_000)
        assert http.delete(f"/api/orders/{order_id}").status_code == 200
    expect(dashboard.resting).to_be_hidden()
    before = len(polled)
    dashboard.page.clock.fast_forward(6_000)
    assert len(polled) == before


def test_a_limit_order_is_placed_edited_and_cancelled_with_the_keyboard_alone(
    dashboard: Dashboard, http: httpx.Client
) -> None:
    keyboard = dashboard.page.keyboard
    dashboard.page.locator("body").press("Home")
    dashboard.tab_to("[name='orderType']")
    keyboard.press("ArrowRight")
    expect(dashboard.ticket.get_by_role("radio", name="Limit")).to_be_focused()
    dashboard.tab_to("#amount")
    keyboard.press("ControlOrMeta+A")
    keyboard.type("1.21")
    dashboard.tab_to("#limitPrice")
    keyboard.type(times_market(http, "1.4"))
    keyboard.press("Enter")
    expect(dashboard.order.get_by_role("heading", level=2)).to_have_text("1.21 SOL → USDC")
    order_id = dashboard.page.url.rpartition("/")[2]
    dashboard.tab_to(f"#resting-body [data-edit='{order_id}']")
    keyboard.press("Enter")
    expect(dashboard.editor.get_by_label("Limit price")).to_be_focused()
    dashboard.tab_to("#edit-amount")
    keyboard.press("ControlOrMeta+A")
    keyboard.type("1.22")
    keyboard.press("Enter")
    expect(dashboard.resting_row(order_id)).to_contain_text("1.22 SOL → USDC")
    expect(dashboard.page.locator(f"#resting-body [data-edit='{order_id}']")).to_be_focused()
    keyboard.press("Tab")
    expect(dashboard.page.locator(f"#resting-body [data-cancel='{order_id}']")).to_be_focused()
    keyboard.press("Enter")
    expect(dashboard.resting_row(order_id)).to_have_count(0)
    expect(dashboard.page.locator("body:focus")).to_have_count(0)


def test_resting_orders_fit_on_a_phone(new_dashboard: Callable[..., Dashboard], http: httpx.Client) -> None:
    dashboard = new_dashboard(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    dashboard.open()
    dashboard.choose("Limit", f"{market_price(http) * 3:.12f}")
    order_id = dashboard.place("1234.567891234")
    row = dashboard.resting_row(order_id)
    expect(row).to_contain_text("Limit at")
    expect(row.locator("[data-distance]")).to_have_text(ABOVE)
    assert dashboard.page.evaluate("() => document.documentElement.scrollWidth") == 360
    row.get_by_role("button", name="Edit").tap()
    expect(dashboard.editor).to_be_in_viewport(ratio=1)
    dashboard.editor.get_by_role("button", name="Keep as it is").tap()
    row.get_by_role("button", name="Cancel").tap()
    expect(dashboard.notice).to_be_in_viewport()
    assert dashboard.page.evaluate("() => document.documentElement.scrollWidth") == 360
