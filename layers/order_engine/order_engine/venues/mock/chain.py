"""The mocked chain. Its ledger is in Postgres, apart from the engine's tables, so that fills can be counted."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from psycopg.rows import DictRow

from order_engine.adapters.postgres.database import Database
from order_engine.batching import Batcher
from order_engine.domain.errors import (
    DatabaseUnavailable,
    RetryableFailure,
    SlippageExceeded,
    TransactionExpired,
    TransactionReverted,
    VenueUnavailable,
)
from order_engine.domain.money import price
from order_engine.domain.routes import Swap
from order_engine.domain.tokens import TOKENS
from order_engine.domain.transactions import Fill, Landing, Transaction
from order_engine.venues.mock.venues import MockVenue, Weather

_ASK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Sent:
    """What will come of a transaction: decided when it is sent, as the price at its landing is known to the market."""

    transaction: Transaction
    lands_in: float
    outcome: str
    amount_out: Decimal | None


class MockChain:
    """See venues.protocol.Chain. Landing takes 2-3 seconds; the price at landing is held against `min_amount_out`."""

    def __init__(self, database: Database, venues: Mapping[str, MockVenue], weather: Weather) -> None:
        self._database = database
        self._venues = venues
        self._weather = weather
        self._sending: Batcher[_Sent, None] = Batcher(self._send)
        self._asking: Batcher[Transaction, DictRow | None] = Batcher(self._ask)

    async def send(self, transaction: Transaction) -> None:
        """See venues.protocol.Chain."""
        lands_in = self._weather.random.uniform(2, 3) * self._weather.latency
        try:
            await self._sending.put(self._fate(transaction, lands_in))
        except DatabaseUnavailable as error:
            raise VenueUnavailable("The chain did not answer.") from error

    async def landing(self, transaction: Transaction) -> Landing:
        """See venues.protocol.Chain."""
        try:
            while (row := await self._asking.put(transaction)) is None:
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
        except DatabaseUnavailable as error:
            raise VenueUnavailable("The chain did not answer.") from error
        await asyncio.sleep(row["lands_in"])
        return _landing(transaction, row)

    def _fate(self, transaction: Transaction, lands_in: float) -> _Sent:
        if self._weather.fails():
            return _Sent(transaction, lands_in, "reverted", None)
        swap = Swap(TOKENS[transaction.token_in], TOKENS[transaction.token_out], transaction.amount_in)
        venue = self._venues.get(transaction.venue)
        # A venue that is not mocked has no pool here: it pays the least that it promised.
        amount_out = venue.quote_at(swap, time.time() + lands_in).amount_out if venue else transaction.min_amount_out
        if amount_out < transaction.min_amount_out:
            return _Sent(transaction, lands_in, "slippage_exceeded", None)
        return _Sent(transaction, lands_in, "filled", amount_out)

    async def _send(self, sent: Sequence[_Sent]) -> Sequence[None]:
        await self._database.fetch(
            "mock_chain.send",
            {
                **_columns([item.transaction for item in sent]),
                "lands_in": [item.lands_in for item in sent],
                "outcomes": [item.outcome for item in sent],
                "amounts_out": [item.amount_out for item in sent],
            },
        )
        return [None] * len(sent)

    async def _ask(self, transactions: Sequence[Transaction]) -> Sequence[DictRow | None]:
        rows = await self._database.fetch("mock_chain.landings", _columns(transactions))
        by_signature = {row["signature"]: row for row in rows}
        return [by_signature.get(transaction.signature) for transaction in transactions]


def _landing(transaction: Transaction, row: DictRow) -> Landing:
    if row["outcome"] == "filled":
        return Fill(row["amount_out"], price(row["amount_out"], transaction.amount_in))
    failures: dict[str, type[RetryableFailure]] = {
        "slippage_exceeded": SlippageExceeded,
        "reverted": TransactionReverted,
        "expired": TransactionExpired,
    }
    return failures[row["outcome"]]()


def _columns(transactions: Sequence[Transaction]) -> dict[str, object]:
    return {
        "signatures": [transaction.signature for transaction in transactions],
        "order_ids": [transaction.order_id for transaction in transactions],
        "venues": [transaction.venue for transaction in transactions],
        "tokens_in": [transaction.token_in for transaction in transactions],
        "tokens_out": [transaction.token_out for transaction in transactions],
        "amounts_in": [transaction.amount_in for transaction in transactions],
        "min_amounts_out": [transaction.min_amount_out for transaction in transactions],
        "valid_untils": [transaction.valid_until for transaction in transactions],
    }
