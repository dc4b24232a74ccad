"""What is known of an order at each of its steps."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from order_engine.domain.errors import Failure
from order_engine.domain.routes import Route
from order_engine.domain.transactions import Fill


@dataclass(frozen=True, slots=True)
class Facts:
    """Each fact appears at its step and stays until another attempt begins."""

    route: Route | None = None
    """From building on."""
    signature: str | None = None
    """From submitted on: the transaction's."""
    min_amount_out: Decimal | None = None
    """From submitted on: whole tokens; the chain pays out no less."""
    fill: Fill | None = None
    """At confirmed."""
    failure: Failure | None = None
    """At failed and expired, and at pending before a retry."""
    retry_in: timedelta | None = None
    """At pending before a retry."""
