"""Placing orders that wait for the market, and batches of orders."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from order_engine.adapters.postgres.orders import OrderStore
from order_engine.contracts.documents import accepted_document
from order_engine.domain.errors import (
    DatabaseUnavailable,
    IdempotencyConflict,
    InvalidRequest,
    OutcomeUnknown,
    PriceOutOfRange,
)
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import NewOrder, Placement
from order_engine.domain.triggers import OrderType
from order_engine.use_cases.submit import Submission
from testing.engine import LIFETIMES, Engine, Prices, new_order
from tests.integration.helpers import in_seconds, statuses


@pytest.fixture
def prices() -> Prices:
    prices = Prices()
    prices.set("150")
    return prices


def order_of(type_: str, price: object = None, **changes: Any) -> NewOrder:
    """A resting order without an expiry, as clients send it."""
    new = new_order(type=OrderType(type_), trigger_price=None if price is None else Decimal(str(price)), **changes)
    return new if "expires_at" in changes else NewOrder(**{name: getattr(new, name) for name in _FIELDS})


_FIELDS = [name for name in NewOrder.__slots__ if name != "expires_at"]


@pytest.mark.parametrize(
    ("type_", "price", "status"),
    [
        ("limit", 150.01, Status.RESTING),
        ("limit", 150, Status.PENDING),
        ("limit", 143, Status.PENDING),
        ("stop", 149, Status.RESTING),
        ("sniper", None, Status.PENDING),
    ],
)
async def test_an_order_rests_unless_the_market_is_there_already(
    engine: Engine, prices: Prices, type_: str, price: object, status: Status
) -> None:
    submission = await engine.submitter(prices=prices).submit(order_of(type_, price))
    order = (await engine.history(submission.order)).order
    assert order == submission.order
    assert order.status is status
    assert (order.triggered_by is not None) == (status is Status.PENDING)
    assert engine.recorder.sent == [order.id] * (status is Status.PENDING)
    published = [event.status for event in engine.recorder.events]
    assert published == ([Status.RESTING] if status is Status.RESTING else [])
    assert order.expires_at - order.created_at == pytest.approx(LIFETIMES.resting, abs=timedelta(minutes=1))


async def test_an_order_whose_pair_has_no_price_rests(engine: Engine) -> None:
    for type_, price in (("limit", 1), ("stop", 10**6), ("sniper", None)):
        submission = await engine.submitter(prices=Prices()).submit(order_of(type_, price))
        assert submission.order.status is Status.RESTING


@pytest.mark.parametrize(
    ("type_", "price", "market"), [("limit", 142.8, "150"), ("stop", 150, "150"), ("stop", 1000, "150")]
)
async def test_a_price_that_makes_no_sense_is_refused_with_the_markets_price_unless_forced(
    engine: Engine, prices: Prices, type_: str, price: object, market: str
) -> None:
    with pytest.raises(PriceOutOfRange, match=market) as refused:
        await engine.submitter(prices=prices).submit(order_of(type_, price))
    assert refused.value.market_price == Decimal(market)
    assert engine.sql("SELECT count(*) FROM orders") == [{"count": 0}]
    forced = await engine.submitter(prices=prices).submit(order_of(type_, price, force=True))
    assert forced.order.status is Status.PENDING


async def test_a_repeat_gets_its_order_although_the_price_makes_no_sense_any_more(
    engine: Engine, prices: Prices
) -> None:
    first = await engine.submitter(prices=prices).submit(order_of("limit", 151, client_order_id="key"))
    prices.set("300")
    again = await engine.submitter(prices=prices).submit(order_of("limit", 151, client_order_id="key"))
    assert again.replayed
    assert accepted_document(again.placement) == accepted_document(first.placement)


async def test_a_repeat_gets_the_order_as_it_was_accepted_although_it_was_replaced(
    engine: Engine, prices: Prices
) -> None:
    submitter = engine.submitter(prices=prices)
    first = await submitter.submit(order_of("limit", 151, client_order_id="key"))
    terms = first.order.terms
    replaced = await engine.orders.replace(
        first.order, type(terms)(Decimal(2), Decimal(160), terms.expires_at + timedelta(days=1))
    )
    assert replaced and replaced.amount_in == 2
    again = await submitter.submit(order_of("limit", 151, client_order_id="key"))
    assert accepted_document(again.placement) == accepted_document(first.placement)
    with pytest.raises(IdempotencyConflict):
        await submitter.submit(order_of("limit", 160, client_order_id="key"))


async def test_a_batch_has_a_result_for_each_order_in_its_order(engine: Engine, prices: Prices) -> None:
    submitter = engine.submitter(prices=prices)
    before = await submitter.submit(new_order(client_order_id="before"))
    batch = [
        new_order(),
        new_order(expires_at=in_seconds(1)),
        new_order(client_order_id="before"),
        order_of("limit", 200),
        order_of("limit", 10),
        new_order(client_order_id="before", amount_in=Decimal(9)),
        new_order(client_order_id="twice"),
        new_order(client_order_id="twice"),
    ]
    results = await submitter.submit_all(batch)
    kinds = [type(result) for result in results]
    assert kinds == [
        Submission,
        InvalidRequest,
        Submission,
        Submission,
        PriceOutOfRange,
        IdempotencyConflict,
        Submission,
        Submission,
    ]
    submissions = {index: result for index, result in enumerate(results) if isinstance(result, Submission)}
    assert submissions[2].order.id == before.order.id
    assert submissions[6].order.id == submissions[7].order.id
    assert [index for index, submission in submissions.items() if submission.replayed] == [2, 7]
    queued = {submissions[index].order.id for index in (0, 2, 6)}
    assert set(engine.recorder.sent) == queued
    assert engine.sql("SELECT count(*) FROM orders") == [{"count": 4}]
    assert statuses(await engine.history(submissions[3].order)) == ["resting"]


async def test_the_part_of_a_batch_that_the_queue_did_not_accept_is_due_at_once(engine: Engine) -> None:
    class HalfQueue:
        async def send(self, order_id: UUID, delay: timedelta = timedelta()) -> None:
            raise AssertionError

        async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> Sequence[UUID]:
            return order_ids[:5]

    results = await engine.submitter(queue=HalfQueue()).submit_all([new_order() for _ in range(10)])
    assert all(isinstance(result, Submission) for result in results)
    due = engine.sql("SELECT count(*) FROM orders WHERE watchdog_at <= now()")
    assert due == [{"count": 5}]


async def test_an_unknown_outcome_of_a_batch_names_every_order(engine: Engine) -> None:
    class Lost(OrderStore):
        async def place(self, new: Sequence[NewOrder], **_: Any) -> dict[UUID, Placement]:
            raise DatabaseUnavailable(may_have_run=True)

    batch = [new_order() for _ in range(3)]
    results = await engine.submitter(store=Lost(engine.database)).submit_all(batch)
    assert [result.order_id for result in results if isinstance(result, OutcomeUnknown)] == [new.id for new in batch]
