"""The mocked chain. Its ledger is in Postgres, separate from the engine's tables, so that fills can be counted."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg.rows import DictRow

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.rows import transaction_document
from order_engine.domain.errors import (
    DatabaseUnavailable,
    FinalFailure,
    SlippageExceeded,
    TransactionExpired,
    TransactionReverted,
    VenueUnavailable,
)
from order_engine.domain.money import price
from order_engine.domain.routes import Swap
from order_engine.domain.tokens import TOKENS
from order_engine.domain.transactions import Fill, InFlight, Transaction, TransactionStatus, Unfilled
from order_engine.venues.mock.venues import MockConditions, MockVenue


@dataclass(frozen=True, slots=True)
class _Sent:
    """A transaction and its outcome, which is decided when it is sent: the mocked market knows future prices."""

    transaction: Transaction
    lands_in: float
    outcome: str
    amount_out: Decimal | None


class MockChain:
    """See venues.protocol.Chain. Landing takes 2-3 seconds; the payout is then checked against `min_amount_out`."""

    def __init__(self, database: Database, venues: Mapping[str, MockVenue], conditions: MockConditions) -> None:
        self._database = database
        self._venues = venues
        self._conditions = conditions

    async def send(self, transactions: Sequence[Transaction]) -> None:
        """See venues.protocol.Chain."""
        document = [_sent_document(self._fate(transaction)) for transaction in transactions]
        await self._fetch("mock_chain.send", sent=json.dumps(document, default=str))

    async def statuses(self, transactions: Sequence[Transaction]) -> list[TransactionStatus]:
        """See venues.protocol.Chain."""
        document = [transaction_document(transaction) for transaction in transactions]
        found = await self._fetch(
            "mock_chain.landings",
            transactions=json.dumps(document, default=str),
            signatures=[transaction.signature for transaction in transactions],
        )
        rows = {row["signature"]: row for row in found}
        return [_status(transaction, rows.get(transaction.signature)) for transaction in transactions]

    async def _fetch(self, statement: str, **parameters: Any) -> list[DictRow]:
        try:
            return await self._database.fetch(statement, parameters, prepare=True)
        except DatabaseUnavailable as error:
            raise VenueUnavailable("The chain did not answer.") from error

    def _fate(self, transaction: Transaction) -> _Sent:
        lands_in = self._conditions.random.uniform(2, 3) * self._conditions.latency
        if self._conditions.fails():
            return _Sent(transaction, lands_in, "reverted", None)
        amount_out = self._amount_out(transaction, time.time() + lands_in)
        if amount_out < transaction.min_amount_out:
            return _Sent(transaction, lands_in, "slippage_exceeded", None)
        return _Sent(transaction, lands_in, "filled", amount_out)

    def _amount_out(self, transaction: Transaction, at: float) -> Decimal:
        """What the pool pays when the transaction lands; 0 if it has become too shallow by then."""
        venue = self._venues.get(transaction.venue)
        if venue is None:  # a venue that is not mocked has no pool here: assume its minimum payout
            return transaction.min_amount_out
        swap = Swap(TOKENS[transaction.token_in], TOKENS[transaction.token_out], transaction.amount_in)
        try:
            return venue.quote_at(swap, at).amount_out
        except FinalFailure:
            return Decimal(0)


def _sent_document(sent: _Sent) -> dict[str, Any]:
    return {
        **transaction_document(sent.transaction),
        "outcome": sent.outcome,
        "amount_out": sent.amount_out,
        "lands_in": sent.lands_in,
    }


def _status(transaction: Transaction, row: DictRow | None) -> TransactionStatus:
    if row is None or row["lands_in"] > 0:
        return InFlight.IN_FLIGHT
    if row["outcome"] == "filled":
        return Fill(row["amount_out"], price(row["amount_out"], transaction.amount_in))
    failures = {"slippage_exceeded": SlippageExceeded, "reverted": TransactionReverted}
    return Unfilled(failures.get(row["outcome"], TransactionExpired)())
