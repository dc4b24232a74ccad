"""The interfaces of a venue and of the chain. Implement both with a real SDK to replace the mocks."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from order_engine.domain.orders import Order
from order_engine.domain.routes import Quote, Swap
from order_engine.domain.transactions import Transaction, TransactionStatus
from order_engine.domain.triggers import Pair


class Venue(Protocol):
    """A DEX."""

    @property
    def name(self) -> str:
        """The name that clients see in a route."""

    async def quote(self, swap: Swap, /) -> Quote:
        """What the venue would pay out now, after its fee and the trade's price impact.

        Raises a RetryableFailure (VenueUnavailable) if another try may succeed, a FinalFailure (UnsupportedPair,
        AmountBelowMinimum, InsufficientLiquidity) if none can.
        """

    async def price(self, pair: Pair, /) -> Decimal:
        """Tokens out per token in that the venue would pay now for a small amount, after its fee.

        Raises VenueUnavailable, and UnsupportedPair if it does not trade the pair (yet).
        """

    async def build(self, order: Order, quote: Quote, min_amount_out: Decimal, valid_until: datetime, /) -> Transaction:
        """Sign the swap without sending it: it must pay out at least `min_amount_out` (whole tokens) or revert, and can
        no longer land after `valid_until`.

        Raises VenueUnavailable.
        """


class Chain(Protocol):
    """The chain that transactions land on. Both methods take a batch of any size."""

    async def send(self, transactions: Sequence[Transaction], /) -> None:
        """Send transactions, possibly again: a signature lands at most once, and never after its `valid_until`.

        Raises VenueUnavailable if it is unknown whether all were sent; `statuses` will tell.
        """

    async def statuses(self, transactions: Sequence[Transaction], /) -> Sequence[TransactionStatus]:
        """The current status of each transaction, in the same order, without waiting.

        A status other than InFlight is final. Unfilled with TransactionExpired means that it has not landed and never
        will, because its `valid_until` has passed. Raises VenueUnavailable if the chain cannot be reached.
        """
