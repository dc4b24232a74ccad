"""The lifecycle of an order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from order_engine.domain.errors import Failure, NoQuote, SlippageExceeded, VenueUnavailable
from order_engine.domain.facts import Facts
from order_engine.domain.lifecycle import CANCELLABLE, CLAIMS, LIFECYCLE, TERMINAL, TRANSITIONS, Status
from order_engine.domain.orders import Order
from order_engine.domain.routes import Quote, choose
from order_engine.domain.transactions import Fill, Transaction
from order_engine.domain.transitions import building, confirmed, expired, failed, retried, submitted
from order_engine.domain.triggers import OrderType

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
        min_amount_out=None,
        trigger_price=None,
        triggered_by=None,
        cancel_requested=False,
        expires_at=NOW + timedelta(minutes=5),
        status=status,
        sequence=2,
        attempt=1,
        transaction=None,
        facts=Facts(),
        created_at=NOW,
        updated_at=NOW,
    )


def a_transaction(order: Order) -> Transaction:
    return Transaction(
        "sig", str(order.id), "raydium", "SOL", "USDC", Decimal(1), Decimal("149"), NOW + timedelta(seconds=15)
    )


def test_the_table_has_every_status_and_no_transition_from_a_terminal_one() -> None:
    assert LIFECYCLE.keys() == set(Status)
    assert {Status.CONFIRMED, Status.FAILED, Status.CANCELLED, Status.EXPIRED} == TERMINAL
    assert not {source for source, _ in TRANSITIONS} & TERMINAL
    assert not CLAIMS.keys() & TERMINAL


def test_an_order_can_expire_or_be_cancelled_in_every_open_status_and_fail_once_it_is_attempted() -> None:
    for status in set(Status) - TERMINAL:
        assert LIFECYCLE[status].next >= {Status.CANCELLED, Status.EXPIRED}
        assert (Status.FAILED in LIFECYCLE[status].next) == (status is not Status.RESTING)


def test_a_cancellation_ends_an_order_at_once_unless_its_transaction_may_land() -> None:
    assert set(Status) - TERMINAL - {Status.SUBMITTED} == CANCELLABLE


def test_only_a_submitted_order_can_be_confirmed_and_it_cannot_be_claimed() -> None:
    assert {source for source, target in TRANSITIONS if target is Status.CONFIRMED} == {Status.SUBMITTED}
    assert set(CLAIMS) == set(Status) - TERMINAL - {Status.SUBMITTED, Status.RESTING}


def test_only_the_transition_to_submitted_signs() -> None:
    assert {status for status, properties in LIFECYCLE.items() if properties.signs} == {Status.SUBMITTED}


def test_facts_accumulate_from_step_to_step() -> None:
    order = an_order()
    route = choose([Quote("raydium", order.swap, Decimal("149.5"), Decimal(25), Decimal(1))], {})
    order = building(order, route)
    assert order.facts == Facts(route=route)
    order = submitted(order, a_transaction(order))
    assert order.facts == Facts(route=route, signature="sig", min_amount_out=Decimal(149))
    fill = Fill(Decimal("149.4"), Decimal("149.4"))
    order = confirmed(order, fill)
    assert (order.status, order.sequence, order.attempt) == (Status.CONFIRMED, 5, 1)
    assert order.facts == Facts(route=route, signature="sig", min_amount_out=Decimal(149), fill=fill)


@pytest.mark.parametrize("end", [failed, expired])
def test_an_end_without_a_fill_records_the_failure_and_clears_the_transaction(end: Callable[..., Order]) -> None:
    order = an_order(Status.SUBMITTED)
    order = end(replace(order, transaction=a_transaction(order)), SlippageExceeded())
    assert order.transaction is None
    assert order.facts.failure == Failure("slippage_exceeded", SlippageExceeded().message)


def test_a_retry_records_the_failure_and_its_delay_and_clears_the_transaction() -> None:
    order = an_order(Status.SUBMITTED)
    order = replace(order, transaction=a_transaction(order))
    order = retried(order, SlippageExceeded(), timedelta(seconds=2))
    assert (order.status, order.transaction) == (Status.PENDING, None)
    assert order.facts.failure == Failure("slippage_exceeded", SlippageExceeded().message)
    assert order.facts.retry_in == timedelta(seconds=2)


def test_a_failure_clears_the_delay_of_an_earlier_retry() -> None:
    facts = Facts(failure=Failure("x", "y"), retry_in=timedelta(seconds=2))
    order = failed(replace(an_order(Status.PENDING), facts=facts), NoQuote())
    assert order.facts == Facts(failure=Failure("no_quote", NoQuote().message))


def test_an_illegal_transition_is_an_error() -> None:
    with pytest.raises(ValueError, match="from pending to confirmed"):
        confirmed(an_order(Status.PENDING), Fill(Decimal(1), Decimal(1)))


@pytest.mark.parametrize("message", ["a\0b", "half a pair: \ud800", "x" * 10_000])
def test_error_messages_of_venues_are_made_storable(message: str) -> None:
    recorded = Failure.of(VenueUnavailable(message)).message
    assert 0 < len(recorded) <= 500
    assert "\0" not in recorded
    recorded.encode()


def test_the_minimum_payout_is_the_higher_of_slippage_limit_and_min_amount_out() -> None:
    order = an_order()
    quote = Quote("raydium", order.swap, Decimal(100), Decimal(25), Decimal(1))
    assert order.min_amount_out_for(quote) == Decimal("99.5")
    assert replace(order, min_amount_out=Decimal("99.6")).min_amount_out_for(quote) == Decimal("99.6")
    assert replace(order, min_amount_out=Decimal("99.4")).min_amount_out_for(quote) == Decimal("99.5")
