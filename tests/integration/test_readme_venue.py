"""The example venue in the README works."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from order_engine.domain.orders import Order
from order_engine.venues.protocol import Venue
from testing.engine import Engine


def venue_of_the_readme() -> Venue:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (example,) = re.findall(r"<!-- a test executes this -->\n```python\n(.*?)```", readme, re.S)
    names: dict[str, Any] = {}
    exec(example, names)
    venue: Venue = names["FixedPriceVenue"]()
    return venue


async def test_the_example_venue_executes_orders(engine: Engine) -> None:
    orders: list[Order] = [*await engine.place(), *await engine.place(token_out="JUP")]
    await engine.execute(*orders, venues=[venue_of_the_readme()])
    sold, refused = [(await engine.history(order)).order for order in orders]
    assert sold.facts.route and sold.facts.fill and refused.facts.failure
    assert (sold.status, sold.facts.route.best.venue) == ("confirmed", "fixed")
    assert (sold.facts.route.best.amount_out, sold.facts.fill.amount_out) == (Decimal(150), Decimal("149.25"))
    assert (refused.status, refused.facts.failure.code) == ("failed", "unsupported_pair")
