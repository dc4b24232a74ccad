"""The README's picture of the dashboard, which `make picture` regenerates."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import expect

from tests.e2e.browser.dashboard import LIFE, Dashboard, placed_by_http


def test_the_readme_picture_can_be_generated(
    new_dashboard: Callable[..., Dashboard], http: httpx.Client, tmp_path: Path
) -> None:
    dashboard = new_dashboard(viewport={"width": 1280, "height": 800}, device_scale_factor=1)
    dashboard.open()
    for amount, token_in, token_out in (("2", "SOL", "USDC"), ("1000", "USDC", "ABC"), ("3", "RAY", "MET")):
        order_id = placed_by_http(http, amount, token_in, token_out)
        expect(dashboard.row(order_id)).to_contain_text("Failed" if token_out == "MET" else "Confirmed")
    dashboard.place("12.5")
    dashboard.has_steps(LIFE)
    file = Path(os.environ.get("PICTURE") or tmp_path / "dashboard.png")
    dashboard.page.screenshot(path=file)
    assert file.stat().st_size > 50_000
