"""Expiry and `minAmountOut`: no order is signed after it has expired, or for less than its minimum."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from order_engine.domain.errors import Fenced, InvalidRequest, OrderExpired
from order_engine.domain.lifecycle import Status
from order_engine.domain.routes import Quote, Swap
from order_engine.domain.transactions import Transaction
from order_engine.domain.transitions import building, expired, submitted
from order_engine.use_cases.quote import quote
from testing.engine import LIFETIME, LIFETIMES, Engine, new_order
from tests.integration.doubles import HangingVenue, UnavailableVenue
from tests.integration.helpers import CONFIRMED_ON_FIRST_ATTEMPT, code_of, crash_after_recording, in_seconds, statuses


async def test_an_order_without_an_expiry_gets_the_default_one(engine: Engine) -> None:
    (order,) = await engine.place()
    assert order.expires_at == order.created_at + LIFETIME


async def test_an_overdue_order_is_not_executed(engine: Engine) -> None:
    (order,) = await engine.place()
    engine.expire(order)
    assert await engine.execute(order) == {order.id}
    history = await engine.history(order)
    assert statuses(history) == ["pending", "expired"]
    assert (history.order.attempt, code_of(history)) == (0, "order_expired")
    assert not engine.ledger(order)
    assert [event.status for event in engine.recorder.events] == [Status.PENDING, Status.EXPIRED]


async def test_an_order_that_expires_while_it_is_routed_is_not_signed(engine: Engine) -> None:
    class VenueThatOutlastsTheOrder(HangingVenue):
        name = "raydium"

        async def quote(self, swap: Swap) -> Quote:
            engine.expire(order)
            return await engine.venues[0].quote(swap)

        build = engine.venues[0].build

    (order,) = await engine.place()
    assert await engine.execute(order, venues=[VenueThatOutlastsTheOrder()]) == set()
    assert engine.recorder.postponed == {order.id: timedelta()}, "the next claim finds out the order's state"
    assert not engine.ledger(order)
    engine.expire_lease(order)
    assert await engine.execute(order) == {order.id}
    assert statuses(await engine.history(order)) == ["pending", "routing", "building", "expired"]


async def test_the_sql_statement_fences_a_transaction_signed_after_expiry(engine: Engine) -> None:
    (order,) = await engine.place()
    (claim,) = await engine.claim(order)
    assert claim.order
    route = await quote(claim.order.swap, engine.venues, timedelta(seconds=2))
    held = await engine.journal.record(building(claim.order, route))
    transaction = await engine.venues[0].build(held, route.best, Decimal(1), in_seconds(15))
    engine.expire(order)
    with pytest.raises(Fenced):
        await engine.journal.record(submitted(held, transaction))
    assert statuses(await engine.history(order)) == ["pending", "routing", "building"]


async def test_no_transaction_is_valid_beyond_the_expiry_of_its_order(engine: Engine) -> None:
    (order,) = await engine.place(expires_at=in_seconds(11))
    await engine.execute(order)
    stored = (await engine.history(order)).order
    assert isinstance(stored.transaction, Transaction)
    assert stored.transaction.valid_until <= stored.expires_at


async def test_an_order_whose_expiry_leaves_no_time_for_a_retry_expires_with_the_error_of_its_attempt(
    engine: Engine,
) -> None:
    (order,) = await engine.place()
    engine.sql("UPDATE orders SET expires_at = now() + interval '500 ms' WHERE id = %s RETURNING id", order.id)
    assert await engine.execute(order, venues=[UnavailableVenue()]) == {order.id}
    history = await engine.history(order)
    assert statuses(history) == ["pending", "routing", "expired"]
    assert code_of(history) == "no_quote"


async def test_an_overdue_order_in_flight_is_confirmed(engine: Engine) -> None:
    (order,) = await engine.place()
    await crash_after_recording(engine, order, sent=True)
    engine.expire(order)
    await engine.confirm(order)
    assert statuses(await engine.history(order)) == CONFIRMED_ON_FIRST_ATTEMPT


async def test_an_overdue_order_whose_transaction_did_not_land_expires(engine: Engine) -> None:
    (order,) = await engine.place()
    await crash_after_recording(engine, order, sent=False)
    engine.outdate_transaction(order)
    engine.expire(order)
    await engine.confirm(order)
    history = await engine.history(order)
    assert statuses(history) == ["pending", "routing", "building", "submitted", "expired"]
    assert code_of(history) == "transaction_expired"
    assert engine.fills(order) == 0


async def test_expiring_a_confirmed_order_is_fenced(engine: Engine) -> None:
    (order,) = await engine.place()
    await engine.execute(order)
    with pytest.raises(Fenced):
        await engine.settler().expire(order)
    assert (await engine.history(order)).order.status is Status.CONFIRMED


@pytest.mark.parametrize(
    "expires_at",
    [timedelta(seconds=-1), LIFETIMES.shortest - timedelta(seconds=2), LIFETIMES.longest + timedelta(seconds=60)],
)
async def test_an_expiry_that_is_too_near_or_too_far_is_rejected(engine: Engine, expires_at: timedelta) -> None:
    with pytest.raises(InvalidRequest, match="expiresAt"):
        await engine.submitter().submit(new_order(expires_at=datetime.now(UTC) + expires_at))
    assert engine.sql("SELECT count(*) FROM orders") == [{"count": 0}]


async def test_a_repeated_request_finds_its_order_even_after_the_expiry(engine: Engine) -> None:
    expires_at = in_seconds(60)
    first = await engine.submitter().submit(new_order(client_order_id="key", expires_at=expires_at))
    past = in_seconds(-1)
    engine.sql("UPDATE orders SET expires_at = %s RETURNING id", past)
    again = await engine.submitter().submit(new_order(client_order_id="key", expires_at=past))
    assert again.replayed
    assert again.order.id == first.order.id


async def test_no_swap_is_signed_for_less_than_the_minimum(engine: Engine) -> None:
    (order,) = await engine.place(slippage_bps=10_000, min_amount_out=Decimal(1_000_000))
    await engine.execute(order)
    history = await engine.history(order)
    assert statuses(history) == ["pending", "routing", "pending"]
    assert code_of(history) == "below_min_amount_out"
    assert not engine.ledger(order)


@pytest.mark.parametrize(
    ("slippage_bps", "minimum", "signed"),
    [(10_000, "140", "140"), (10_000, None, "0"), (0, "140", None), (10_000, "0.000001", "0.000001")],
)
async def test_the_higher_of_the_minimum_and_the_slippage_limit_is_signed(
    engine: Engine, slippage_bps: int, minimum: str | None, signed: str | None
) -> None:
    class FixedPriceVenue(HangingVenue):
        name = "fixed"

        async def quote(self, swap: Swap) -> Quote:
            return Quote(self.name, swap, Decimal(150), Decimal(0), Decimal(0))

        build = engine.venues[0].build

    (order,) = await engine.place(
        slippage_bps=slippage_bps, min_amount_out=None if minimum is None else Decimal(minimum)
    )
    await engine.execute(order, venues=[FixedPriceVenue()])
    facts = (await engine.history(order)).order.facts
    assert facts.min_amount_out == Decimal(signed if signed is not None else 150)


async def test_a_confirmed_order_cannot_expire(engine: Engine) -> None:
    (order,) = await engine.place()
    await engine.execute(order)
    confirmed: Any = (await engine.history(order)).order
    with pytest.raises(ValueError, match="from confirmed to expired"):
        expired(confirmed, OrderExpired())
