"""The live connection breaks, and nothing is missed."""

import json
from collections.abc import Callable

import httpx
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Complaints
from tests.browser.desk import LIFE, Desk, is_over, placed_by_http


def test_nothing_is_missed_while_offline(desk: Desk, complaints: Complaints, http: httpx.Client) -> None:
    complaints.allow("ERR_INTERNET_DISCONNECTED")
    watched = desk.place("2")
    desk.page.context.set_offline(True)
    expect(desk.banner).to_contain_text("You are offline")
    missed = [placed_by_http(http, amount) for amount in ("2.1", "2.2", "2.3")]
    for order_id in (watched, *missed):
        is_over(http, order_id)
    for order_id in missed:
        expect(desk.row(order_id)).to_have_count(0)
    desk.page.context.set_offline(False)
    desk.is_live()
    expect(desk.page.locator("#banner-text")).to_be_empty()
    desk.has_steps(LIFE)
    for order_id in (watched, *missed):
        expect(desk.row(order_id)).to_contain_text("Confirmed")


class Line:
    """The page's way to the WebSocket API, which can be cut and can lose frames."""

    def __init__(self, desk: Desk) -> None:
        self.cut = False
        self.connections: list[WebSocketRoute] = []
        self.lose: Callable[[str], bool] = lambda frame: False
        desk.page.route_web_socket("**/api/orders/status", self._connect)

    def break_down(self) -> None:
        """Close what is open and let nothing new through."""
        self.cut = True
        for connection in self.connections:
            connection.close(code=1001)

    def _connect(self, page_side: WebSocketRoute) -> None:
        if self.cut:
            return page_side.close(code=1001)
        self.connections.append(page_side)
        server_side = page_side.connect_to_server()
        server_side.on_message(lambda frame: None if self.lose(str(frame)) else page_side.send(frame))
        return None


def test_nothing_is_missed_while_the_server_is_away(new_desk: Callable[..., Desk], http: httpx.Client) -> None:
    desk = new_desk()
    line = Line(desk)
    desk.open()
    watched = desk.place("4")
    line.break_down()
    expect(desk.banner).to_contain_text("connecting again")
    missed = placed_by_http(http, "4.1")
    is_over(http, watched)
    is_over(http, missed)
    desk.page.get_by_role("button", name="Try now").click()
    expect(desk.banner).to_contain_text("connecting again")
    line.cut = False
    desk.is_live()
    desk.has_steps(LIFE)
    expect(desk.row(missed)).to_contain_text("Confirmed")
    assert len(line.connections) == 2


def test_a_gap_between_steps_is_filled(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    line = Line(desk)

    def tells_of_building(frame: str) -> bool:
        return any(event["status"] == "building" for event in json.loads(frame).get("events", []))

    line.lose = tells_of_building
    desk.open()
    desk.place("5")
    desk.has_steps(LIFE)


def test_repeated_steps_are_shown_once(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    line = Line(desk)
    desk.open()

    def sends_it_once_more(frame: str) -> bool:
        line.connections[0].send(frame)
        return False

    line.lose = sends_it_once_more
    desk.place("6")
    desk.has_steps(LIFE)
