"""The facts that are known about an order at each event."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from order_engine.domain.errors import Failure
from order_engine.domain.routes import Route
from order_engine.domain.transactions import Fill


@dataclass(frozen=True, slots=True)
class Facts:
    """Each fact is set at its event and kept until another attempt begins."""

    route: Route | None = None
    """Set from `building` on."""
    signature: str | None = None
    """The transaction's signature, set from `submitted` on."""
    min_amount_out: Decimal | None = None
    """The least that the chain pays out, in whole tokens; set from `submitted` on."""
    fill: Fill | None = None
    """Set at `confirmed`."""
    failure: Failure | None = None
    """Set at `failed` and `expired`, and at `pending` before a retry."""
    retry_in: timedelta | None = None
    """Set at `pending` before a retry."""
