"""What the engine asks of a venue and of the chain. Implement these two with a real SDK and the mocks can go."""

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from order_engine.domain.orders import Order
from order_engine.domain.routes import Quote, Swap
from order_engine.domain.transactions import Landing, Transaction


class Venue(Protocol):
    """A DEX."""

    @property
    def name(self) -> str:
        """As clients see it in a route."""

    async def quote(self, swap: Swap, /) -> Quote:
        """What the venue would pay out now, after its fee and the trade's price impact.

        Raises a RetryableFailure (VenueUnavailable) when another try may help, a FinalFailure (UnsupportedPair,
        AmountBelowMinimum, InsufficientLiquidity) when none can.
        """

    async def build(self, order: Order, quote: Quote, min_amount_out: Decimal, valid_until: datetime, /) -> Transaction:
        """Sign the swap without sending it: it must pay out at least `min_amount_out` (whole tokens) or revert, and can
        no longer land after `valid_until`.

        Raises VenueUnavailable.
        """


class Chain(Protocol):
    """Where a venue's transactions land."""

    async def send(self, transaction: Transaction, /) -> None:
        """Send it, or send it again: a signature lands at most once, and never after `valid_until`.

        Raises VenueUnavailable when it is not known whether it was sent; `landing` will tell.
        """

    async def landing(self, transaction: Transaction, /) -> Landing:
        """Wait until the transaction has landed or never will, `valid_until` at the latest, and say how it ended.

        The answer is final. Raises VenueUnavailable when the chain cannot be asked.
        """
