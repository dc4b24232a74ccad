"""A page object for the dashboard."""

import re
from decimal import Decimal

import httpx
from playwright.sync_api import Locator, Page, Route, expect

from testing.cloud import Cloud
from testing.polling import eventually

LIFE = ["pending", "routing", "building", "submitted", "confirmed"]


class Dashboard:
    """The dashboard in one browser context."""

    def __init__(self, page: Page, cloud: Cloud) -> None:
        self.page = page
        self.cloud = cloud
        self.ticket = page.locator("#ticket")
        self.order = page.locator("#order")
        self.promise = page.locator("#least")
        self.resting = page.locator("#resting")
        self.editor = page.get_by_role("dialog", name="Edit")
        self.notice = page.locator("#notice-text")
        self.rows = page.locator("#orders-body tr")
        self.banner = page.locator("#banner")
        self.announcer = page.locator("#announcer")
        self.place_button = page.get_by_role("button", name="Place order")

    def open(self, path: str = "/") -> None:
        """Open the page and wait until it is connected and shows quotes."""
        self.page.goto(path)
        self.is_live()
        expect(self.page.locator("#quotes .quote.wins")).to_be_visible()

    def open_without_key(self) -> None:
        """Open the page without a preset key."""

        def without_key(route: Route) -> None:
            response = route.fetch()
            route.fulfill(response=response, body=response.text().replace(self.cloud.api_key, ""))

        # Chromium restricts the local network access of a page that was not loaded over the network.
        self.page.context.grant_permissions(["local-network-access"])
        self.page.route(re.compile(rf"^{re.escape(self.cloud.http_url)}/$"), without_key)
        self.page.goto("/")

    def use_key(self, key: str) -> None:
        """Enter a key in the dialog."""
        self.page.get_by_label("Key", exact=True).fill(key)
        self.page.get_by_role("button", name="Use this key").click()

    def is_live(self) -> None:
        """Wait until the page is connected to the WebSocket API."""
        expect(self.page.locator("#connection")).to_have_text("Live")

    def fill(self, amount: str, token_in: str = "SOL", token_out: str = "USDC") -> None:
        """Fill in the form of a new order."""
        self.ticket.get_by_label("Sell").select_option(token_in)
        self.ticket.get_by_label("Buy").select_option(token_out)
        self.ticket.get_by_label("Amount").fill(amount)

    def choose(self, order_type: str, price: str = "") -> None:
        """Choose the type of a new order, and fill in its limit or stop price."""
        self.ticket.get_by_role("radio", name=order_type).check()
        if price:
            self.ticket.get_by_label(f"{order_type} price").fill(price)

    def place(self, amount: str, token_in: str = "SOL", token_out: str = "USDC") -> str:
        """Place an order and return its id."""
        self.fill(amount, token_in, token_out)
        self.place_button.click()
        expect(self.order.get_by_role("heading", level=2)).to_have_text(f"{Decimal(amount):,} {token_in} → {token_out}")
        return self.page.url.rpartition("/")[2]

    def step(self, status: str) -> Locator:
        """The steps of the selected order that have this status."""
        return self.order.locator(f'[data-step="{status}"]')

    def has_steps(self, steps: list[str]) -> None:
        """Wait until the selected order shows exactly these steps."""
        names = [step.capitalize() for step in steps]
        expect(self.order.locator("[data-step] .step-name")).to_have_text(names)

    def resting_row(self, order_id: str) -> Locator:
        """The order's row in the table of resting orders."""
        return self.resting.locator(f'tr[data-order="{order_id}"]')

    def tab_to(self, selector: str) -> None:
        """Press Tab until the element has the focus."""
        target = self.page.locator(f"{selector}:focus")
        for _ in range(60):
            self.page.keyboard.press("Tab")
            if target.count():
                return
        raise AssertionError(f"Tab does not reach {selector}")

    def row(self, order_id: str) -> Locator:
        """The order's row in the table."""
        return self.page.locator(f'#orders-body tr[data-order="{order_id}"]')


def placed_by_http(
    http: httpx.Client, amount: str = "1", token_in: str = "SOL", token_out: str = "USDC", **terms: str
) -> str:
    """Place an order over HTTP, not with the page; returns its id."""
    order = {"tokenIn": token_in, "tokenOut": token_out, "amount": amount, **terms}
    answer = http.post("/api/orders/execute", json=order)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["orderId"])


def market_price(http: httpx.Client, token_in: str = "SOL", token_out: str = "USDC") -> Decimal:
    """What the best venue pays for one token now."""
    quotes = http.get("/api/quotes", params={"tokenIn": token_in, "tokenOut": token_out, "amount": "1"}).json()
    return Decimal(quotes["quotes"][0]["price"])


def times_market(http: httpx.Client, factor: str, token_in: str = "SOL", token_out: str = "USDC") -> str:
    """The market's price times a factor, with 6 decimals."""
    return f"{market_price(http, token_in, token_out) * Decimal(factor):.6f}"


def wait_until_finished(http: httpx.Client, order_id: str) -> None:
    """Wait until an order has a final status."""
    eventually(lambda: http.get(f"/api/orders/{order_id}").json()["terminal"], f"order {order_id} is finished")
