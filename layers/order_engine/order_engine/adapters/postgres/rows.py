"""Conversion between orders and rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import DictRow

from order_engine.contracts.facts import facts_of, sample_of
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import Order, OrderEvent
from order_engine.domain.routes import Swap
from order_engine.domain.tokens import TOKENS
from order_engine.domain.transactions import Transaction
from order_engine.domain.triggers import OrderType

# The exceptions that reading a row written by another release can raise.
UNREADABLE = (KeyError, TypeError, ValueError, ArithmeticError, StopIteration)


def order_of(row: DictRow) -> Order:
    """The order in a row of the table. Raises one of UNREADABLE."""
    swap = Swap(TOKENS[row["token_in"]], TOKENS[row["token_out"]], row["amount_in"])
    return Order(
        id=row["id"],
        account=row["account"],
        client_order_id=row["client_order_id"],
        type=OrderType(row["type"]),
        token_in=row["token_in"],
        token_out=row["token_out"],
        amount_in=row["amount_in"],
        slippage_bps=row["slippage_bps"],
        min_amount_out=row["min_amount_out"],
        trigger_price=row["trigger_price"],
        expires_at=row["expires_at"],
        triggered_by=sample_of(row["triggered_by"]) if row["triggered_by"] else None,
        cancel_requested=row["cancel_requested_at"] is not None,
        status=Status(row["status"]),
        sequence=row["sequence"],
        attempt=row["attempt"],
        transaction=_transaction(row["transaction"]) if row["transaction"] else None,
        facts=facts_of(row["details"], swap),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def amounts_at(order: Order, documents: Sequence[dict[str, Any]]) -> list[Decimal]:
    """The order's amount at each of its events: a replacement may have changed it since."""
    amounts, amount = [], order.amount_in
    for document in documents:
        terms = document["details"].get("terms")
        amount = Decimal(terms["amount"]) if terms else amount
        amounts.append(amount)
    return amounts


def event_of(order: Order, document: dict[str, Any], amount_in: Decimal) -> OrderEvent:
    """An event of the order when its amount was `amount_in`, from its row as JSON. Raises one of UNREADABLE."""
    return OrderEvent(
        order_id=order.id,
        account=order.account,
        sequence=document["sequence"],
        status=Status(document["status"]),
        attempt=document["attempt"],
        at=datetime.fromisoformat(document["at"]),
        facts=facts_of(document["details"], replace(order.swap, amount_in=amount_in)),
    )


def transaction_document(transaction: Transaction) -> dict[str, Any]:
    """A transaction as it is stored; decimals and times become text in JSON."""
    return {name: getattr(transaction, name) for name in Transaction.__slots__}


def _transaction(document: dict[str, Any]) -> Transaction:
    return Transaction(
        **{
            **document,
            "amount_in": Decimal(document["amount_in"]),
            "min_amount_out": Decimal(document["min_amount_out"]),
            "valid_until": datetime.fromisoformat(document["valid_until"]),
        }
    )
