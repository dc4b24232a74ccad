"""The facts that are known about an order at each event."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from order_engine.domain.errors import Failure
from order_engine.domain.routes import Route
from order_engine.domain.transactions import Fill
from order_engine.domain.triggers import PriceSample, Terms


@dataclass(frozen=True, slots=True)
class Facts:
    """Each fact is set at its event and kept until another attempt begins."""

    terms: Terms | None = None
    """Set at `resting`, and at the first `pending` of an order that was activated at once."""
    triggered_by: PriceSample | None = None
    """The price that activated the order; set at the `pending` that follows `resting`."""
    route: Route | None = None
    """Set from `building` on."""
    signature: str | None = None
    """The transaction's signature, set from `submitted` on."""
    min_amount_out: Decimal | None = None
    """The least that the chain pays out, in whole tokens; set from `submitted` on."""
    fill: Fill | None = None
    """Set at `confirmed`."""
    failure: Failure | None = None
    """Set at `failed` and `expired`, and at `pending` before a retry and `resting` after an attempt."""
    retry_in: timedelta | None = None
    """Set at `pending` before a retry and `resting` after an attempt."""
    cancel_requested: bool = False
    """Set at `submitted` if a cancellation came too late to stop the transaction."""
