"""Accessibility: small screens, keyboard operation, contrast in light and dark mode."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.dashboard import LIFE, Dashboard


def test_a_phone_needs_no_horizontal_scrolling(new_dashboard: Callable[..., Dashboard]) -> None:
    dashboard = new_dashboard(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    dashboard.open()
    dashboard.place("1234.567891234")
    dashboard.has_steps(LIFE)
    expect(dashboard.rows.first).to_contain_text("Confirmed")
    assert dashboard.page.evaluate("() => document.documentElement.scrollWidth") == 360
    expect(dashboard.order.get_by_role("heading", level=2)).to_be_in_viewport()


def test_an_order_can_be_placed_with_the_keyboard_alone(dashboard: Dashboard) -> None:
    dashboard.page.locator("body").press("Home")
    dashboard.tab_to("#tokenIn")
    dashboard.page.keyboard.type("JUP")
    dashboard.tab_to("#amount")
    dashboard.page.keyboard.press("ControlOrMeta+A")
    dashboard.page.keyboard.type("21")
    dashboard.tab_to("[data-bps='100']")
    dashboard.page.keyboard.press("Space")
    dashboard.tab_to("#place")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.order.get_by_role("heading", level=2)).to_have_text("21 JUP → USDC")
    dashboard.has_steps(LIFE)
    expect(dashboard.order).to_contain_text("100 bps")
    dashboard.tab_to("#orders-body a")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.page.locator("#order-title")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_sufficient_contrast(new_dashboard: Callable[..., Dashboard], scheme: str) -> None:
    dashboard = new_dashboard(color_scheme=scheme, reduced_motion="reduce")
    dashboard.open()
    dashboard.place("1")
    dashboard.has_steps(LIFE)
    assert dashboard.page.evaluate(_LOW_CONTRAST_TEXTS) == []
    dashboard.choose("Limit", "1000")
    order_id = dashboard.place("1.1")
    expect(dashboard.resting_row(order_id)).to_contain_text("%")
    dashboard.resting_row(order_id).get_by_role("button", name="Edit").click()
    assert dashboard.page.evaluate(_LOW_CONTRAST_TEXTS) == []
    dashboard.page.keyboard.press("Escape")
    dashboard.resting_row(order_id).get_by_role("button", name="Cancel").click()
    expect(dashboard.notice).to_contain_text("is cancelled")
    assert dashboard.page.evaluate(_LOW_CONTRAST_TEXTS) == []


# WCAG 2.2, 1.4.3: a contrast of at least 4.5:1 between text and background.
_LOW_CONTRAST_TEXTS = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).slice(0, 3).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const element of document.body.querySelectorAll("*")) {
    const texts = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
    if (!texts.length || !element.checkVisibility() || element.closest("svg, script")) continue;
    const one = luminance(getComputedStyle(element).color), other = luminance(background(element));
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${texts[0].data.trim()}`);
  }
  return found;
}"""
