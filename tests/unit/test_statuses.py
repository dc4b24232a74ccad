"""The life of an order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from order_engine.domain.errors import NoQuote, SlippageExceeded
from order_engine.domain.orders import Order, OrderType
from order_engine.domain.routes import Quote, choose
from order_engine.domain.statuses import CLAIMS, MOVES, TERMINAL, Status
from order_engine.domain.transactions import Fill, Transaction
from order_engine.domain.transitions import building, confirmed, failed, retried, submitted

NOW = datetime.now(UTC)


def an_order(status: Status = Status.ROUTING) -> Order:
    return Order(
        id=uuid4(),
        account="alice",
        client_order_id=None,
        type=OrderType.MARKET,
        token_in="SOL",
        token_out="USDC",
        amount_in=Decimal(1),
        slippage_bps=50,
        status=status,
        sequence=2,
        attempt=1,
        transaction=None,
        details={},
        created_at=NOW,
        updated_at=NOW,
    )


def a_transaction(order: Order) -> Transaction:
    return Transaction(
        "sig", str(order.id), "raydium", "SOL", "USDC", Decimal(1), Decimal("149"), NOW + timedelta(seconds=15)
    )


def test_nothing_leaves_a_terminal_status() -> None:
    assert not {source for source, _ in MOVES} & TERMINAL
    assert not CLAIMS.keys() & TERMINAL


def test_every_open_status_can_be_claimed_and_reaches_an_end() -> None:
    assert CLAIMS.keys() == set(Status) - TERMINAL
    for status in CLAIMS:
        assert (status, Status.FAILED) in MOVES


def test_only_a_submitted_order_can_be_confirmed() -> None:
    assert {source for source, target in MOVES if target is Status.CONFIRMED} == {Status.SUBMITTED}


def test_facts_gather_from_step_to_step() -> None:
    order = an_order()
    route = choose([Quote("raydium", order.swap, Decimal("149.5"), Decimal(25), Decimal(1))])
    order = building(order, route).order
    assert order.details["route"]["venue"] == "raydium"
    order = submitted(order, a_transaction(order)).order
    assert order.details["txHash"] == "sig"
    assert order.details["minAmountOut"] == "149"
    order = confirmed(order, Fill(Decimal("149.4"), Decimal("149.4"))).order
    assert (order.status, order.sequence, order.attempt) == (Status.CONFIRMED, 5, 1)
    assert order.details.keys() == {"route", "txHash", "minAmountOut", "amountOut", "executedPrice"}


def test_a_retry_says_why_and_forgets_the_transaction() -> None:
    order = an_order(Status.SUBMITTED)
    order = replace(order, transaction=a_transaction(order))
    order = retried(order, SlippageExceeded(), 2).order
    assert (order.status, order.transaction) == (Status.PENDING, None)
    assert order.details["error"]["code"] == "slippage_exceeded"
    assert order.details["retryInSeconds"] == 2


def test_a_failure_does_not_keep_the_countdown_of_an_earlier_retry() -> None:
    order = replace(an_order(Status.PENDING), details={"error": {"code": "x", "message": "y"}, "retryInSeconds": 2})
    assert failed(order, NoQuote()).order.details == {"error": {"code": "no_quote", "message": NoQuote().message}}


def test_an_illegal_move_is_an_error() -> None:
    with pytest.raises(ValueError, match="from pending to confirmed"):
        confirmed(an_order(Status.PENDING), Fill(Decimal(1), Decimal(1)))
