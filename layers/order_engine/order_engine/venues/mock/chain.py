"""The mocked chain. Its ledger is in Postgres, apart from the engine's tables, so that fills can be counted."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from psycopg.rows import DictRow

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.rows import transaction_document
from order_engine.batching import Batcher
from order_engine.domain.errors import (
    DatabaseUnavailable,
    FinalFailure,
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
        self._sending: Batcher[_Sent, DictRow | None] = Batcher(self._send)
        self._asking: Batcher[Transaction, DictRow | None] = Batcher(self._ask)
        self._taken: dict[str, DictRow] = {}  # what came of those that were sent from here: no need to ask

    async def send(self, transaction: Transaction) -> None:
        """See venues.protocol.Chain."""
        lands_in = self._weather.random.uniform(2, 3) * self._weather.latency
        try:
            taken = await self._sending.put(self._fate(transaction, lands_in))
        except DatabaseUnavailable as error:
            raise VenueUnavailable("The chain did not answer.") from error
        if taken:
            self._taken[transaction.signature] = taken

    async def landing(self, transaction: Transaction) -> Landing:
        """See venues.protocol.Chain."""
        row = self._taken.pop(transaction.signature, None)
        try:
            while row is None and (row := await self._asking.put(transaction)) is None:
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
        except DatabaseUnavailable as error:
            raise VenueUnavailable("The chain did not answer.") from error
        await asyncio.sleep(row["lands_in"])
        return _landing(transaction, row)

    def _fate(self, transaction: Transaction, lands_in: float) -> _Sent:
        if self._weather.fails():
            return _Sent(transaction, lands_in, "reverted", None)
        amount_out = self._amount_out(transaction, time.time() + lands_in)
        if amount_out < transaction.min_amount_out:
            return _Sent(transaction, lands_in, "slippage_exceeded", None)
        return _Sent(transaction, lands_in, "filled", amount_out)

    def _amount_out(self, transaction: Transaction, at: float) -> Decimal:
        """What the pool pays when the transaction lands: nothing if it became too shallow by then."""
        venue = self._venues.get(transaction.venue)
        if venue is None:  # it is not mocked and has no pool here: it pays the least that it promised
            return transaction.min_amount_out
        swap = Swap(TOKENS[transaction.token_in], TOKENS[transaction.token_out], transaction.amount_in)
        try:
            return venue.quote_at(swap, at).amount_out
        except FinalFailure:
            return Decimal(0)

    async def _send(self, sent: Sequence[_Sent]) -> Sequence[DictRow | None]:
        document = [
            {
                **transaction_document(item.transaction),
                "outcome": item.outcome,
                "amount_out": item.amount_out,
                "lands_in": item.lands_in,
            }
            for item in sent
        ]
        rows = await self._database.fetch("mock_chain.send", {"sent": json.dumps(document, default=str)})
        return _in_order(rows, [item.transaction for item in sent])

    async def _ask(self, transactions: Sequence[Transaction]) -> Sequence[DictRow | None]:
        document = [transaction_document(transaction) for transaction in transactions]
        rows = await self._database.fetch("mock_chain.landings", {"transactions": json.dumps(document, default=str)})
        return _in_order(rows, transactions)


def _in_order(rows: Sequence[DictRow], transactions: Sequence[Transaction]) -> Sequence[DictRow | None]:
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
