"""No event is missed when the live connection breaks."""

import json
from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from tests.e2e.browser.conftest import BrowserErrors
from tests.e2e.browser.dashboard import LIFE, Dashboard, placed_by_http, wait_until_finished
from tests.e2e.browser.network import FaultyNetwork


def test_no_event_is_missed_while_offline(
    dashboard: Dashboard, browser_errors: BrowserErrors, http: httpx.Client
) -> None:
    browser_errors.allow("ERR_INTERNET_DISCONNECTED")
    watched = dashboard.place("2")
    dashboard.page.context.set_offline(True)
    expect(dashboard.banner).to_contain_text("You are offline")
    missed = [placed_by_http(http, amount) for amount in ("2.1", "2.2", "2.3")]
    for order_id in (watched, *missed):
        wait_until_finished(http, order_id)
    for order_id in missed:
        expect(dashboard.row(order_id)).to_have_count(0)
    dashboard.page.context.set_offline(False)
    dashboard.is_live()
    expect(dashboard.page.locator("#banner-text")).to_be_empty()
    dashboard.has_steps(LIFE)
    for order_id in (watched, *missed):
        expect(dashboard.row(order_id)).to_contain_text("Confirmed")


def test_no_event_is_missed_while_the_server_is_unreachable(
    new_dashboard: Callable[..., Dashboard], http: httpx.Client
) -> None:
    dashboard = new_dashboard()
    network = FaultyNetwork(dashboard)
    dashboard.open()
    watched = dashboard.place("4")
    network.disconnect()
    expect(dashboard.banner).to_contain_text("reconnecting")
    missed = placed_by_http(http, "4.1")
    wait_until_finished(http, watched)
    wait_until_finished(http, missed)
    dashboard.page.get_by_role("button", name="Try now").click()
    expect(dashboard.banner).to_contain_text("reconnecting")
    network.is_down = False
    dashboard.is_live()
    dashboard.has_steps(LIFE)
    expect(dashboard.row(missed)).to_contain_text("Confirmed")
    assert len(network.connections) == 2


def test_a_gap_between_steps_is_filled(new_dashboard: Callable[..., Dashboard]) -> None:
    dashboard = new_dashboard()
    network = FaultyNetwork(dashboard)

    def has_building_event(frame: str) -> bool:
        return any(event["status"] == "building" for event in json.loads(frame).get("events", []))

    network.loses = has_building_event
    dashboard.open()
    dashboard.place("5")
    dashboard.has_steps(LIFE)


def test_duplicate_steps_are_shown_once(new_dashboard: Callable[..., Dashboard]) -> None:
    dashboard = new_dashboard()
    network = FaultyNetwork(dashboard)
    dashboard.open()

    def send_twice(frame: str) -> bool:
        network.connections[0].send(frame)
        return False

    network.loses = send_twice
    dashboard.place("6")
    dashboard.has_steps(LIFE)
