"""An order's time and its floor: what is not signed by then expires, and nothing pays out less than was asked for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from order_engine.domain.errors import Fenced, InvalidRequest, OrderExpired
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import LONGEST_LIFETIME, SHORTEST_LIFETIME
from order_engine.domain.routes import Quote, Swap
from order_engine.domain.transactions import Transaction
from order_engine.domain.transitions import building, expired, submitted
from order_engine.use_cases.quote import quote
from tests.engine import LIFETIME, Engine, new_order
from tests.integration.conftest import Play
from tests.integration.test_execute import CONFIRMED_AT_ONCE, Away, code_of, die_after_recording, in_seconds, statuses


def test_an_order_that_names_no_time_has_the_default_one(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        assert order.expires_at == order.created_at + LIFETIME

    play(scenario)


def test_an_order_past_its_time_is_never_executed(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        engine.expire(order)
        assert await engine.execute(order) == {order.id}
        history = await engine.history(order)
        assert statuses(history) == ["pending", "expired"]
        assert (history.order.attempt, code_of(history)) == (0, "order_expired")
        assert not engine.ledger(order)
        assert [event.status for event in engine.recorder.events] == [Status.PENDING, Status.EXPIRED]

    play(scenario)


def test_an_order_whose_time_ends_while_it_is_routed_is_not_signed(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        class Slow:
            name = "raydium"

            async def quote(self, swap: Swap) -> Quote:
                engine.expire(order)
                return await engine.venues[0].quote(swap)

            build = engine.venues[0].build

        (order,) = await engine.place()
        assert await engine.execute(order, venues=[Slow()]) == set()
        assert engine.recorder.postponed == {order.id: timedelta()}, "the next claim says how it stands"
        assert not engine.ledger(order)
        engine.expire_lease(order)
        assert await engine.execute(order) == {order.id}
        assert statuses(await engine.history(order)) == ["pending", "routing", "building", "expired"]

    play(scenario)


def test_a_signature_that_comes_too_late_is_refused_by_the_statement(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
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

    play(scenario)


def test_no_transaction_is_valid_beyond_its_orders_time(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place(expires_at=in_seconds(11))
        await engine.execute(order)
        stored = (await engine.history(order)).order
        assert isinstance(stored.transaction, Transaction)
        assert stored.transaction.valid_until <= stored.expires_at

    play(scenario)


def test_a_failed_attempt_without_time_for_another_expires_and_says_why(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        engine.sql("UPDATE orders SET expires_at = now() + interval '500 ms' WHERE id = %s RETURNING id", order.id)
        assert await engine.execute(order, venues=[Away()]) == {order.id}
        history = await engine.history(order)
        assert statuses(history) == ["pending", "routing", "expired"]
        assert code_of(history) == "no_quote"

    play(scenario)


def test_a_submitted_order_past_its_time_is_seen_through(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await die_after_recording(engine, order, sent=True)
        engine.expire(order)
        await engine.confirm(order)
        assert statuses(await engine.history(order)) == CONFIRMED_AT_ONCE

    play(scenario)


def test_a_submitted_order_past_its_time_whose_transaction_never_lands_expires(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await die_after_recording(engine, order, sent=False)
        engine.outdate_transaction(order)
        engine.expire(order)
        await engine.confirm(order)
        history = await engine.history(order)
        assert statuses(history) == ["pending", "routing", "building", "submitted", "expired"]
        assert code_of(history) == "transaction_expired"
        assert engine.fills(order) == 0

    play(scenario)


def test_expiry_loses_against_a_worker_that_was_first(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.execute(order)
        with pytest.raises(Fenced):
            await engine.settler().expire(order)
        assert (await engine.history(order)).order.status is Status.CONFIRMED

    play(scenario)


@pytest.mark.parametrize(
    "expires_at",
    [timedelta(seconds=-1), SHORTEST_LIFETIME - timedelta(seconds=2), LONGEST_LIFETIME + timedelta(seconds=60)],
)
def test_a_time_that_is_too_near_or_too_far_is_refused_and_nothing_is_stored(play: Play, expires_at: timedelta) -> None:
    async def scenario(engine: Engine) -> None:
        with pytest.raises(InvalidRequest, match="expiresAt"):
            await engine.submitter.submit(new_order(expires_at=datetime.now(UTC) + expires_at))
        assert engine.sql("SELECT count(*) FROM orders") == [{"count": 0}]

    play(scenario)


def test_a_repeat_finds_its_order_even_when_its_time_is_over(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        expires_at = in_seconds(60)
        first = await engine.submitter.submit(new_order(client_order_id="key", expires_at=expires_at))
        past = in_seconds(-1)
        engine.sql("UPDATE orders SET expires_at = %s RETURNING id", past)
        again = await engine.submitter.submit(new_order(client_order_id="key", expires_at=past))
        assert again.replayed
        assert again.order.id == first.order.id

    play(scenario)


def test_no_swap_is_signed_for_less_than_was_asked_for(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place(slippage_bps=10_000, min_amount_out=Decimal(1_000_000))
        await engine.execute(order)
        history = await engine.history(order)
        assert statuses(history) == ["pending", "routing", "pending"]
        assert code_of(history) == "below_min_amount_out"
        assert not engine.ledger(order)

    play(scenario)


@pytest.mark.parametrize(
    ("slippage_bps", "floor", "signed"),
    [(10_000, "140", "140"), (10_000, None, "0"), (0, "140", None), (10_000, "0.000001", "0.000001")],
)
def test_the_higher_of_floor_and_slippage_is_signed(
    play: Play, slippage_bps: int, floor: str | None, signed: str | None
) -> None:
    async def scenario(engine: Engine) -> None:
        class Promising:
            """A venue whose price the chain will keep."""

            name = "fixed"

            async def quote(self, swap: Swap) -> Quote:
                return Quote(self.name, swap, Decimal(150), Decimal(0), Decimal(0))

            build = engine.venues[0].build

        minimum = None if floor is None else Decimal(floor)
        (order,) = await engine.place(slippage_bps=slippage_bps, min_amount_out=minimum)
        await engine.execute(order, venues=[Promising()])
        facts = (await engine.history(order)).order.facts
        assert facts.min_amount_out == Decimal(signed if signed is not None else 150)

    play(scenario)


def test_only_an_open_unsigned_or_unlanded_order_can_expire(play: Play) -> None:
    async def scenario(engine: Engine) -> None:
        (order,) = await engine.place()
        await engine.execute(order)
        confirmed: Any = (await engine.history(order)).order
        with pytest.raises(ValueError, match="from confirmed to expired"):
            expired(confirmed, OrderExpired())

    play(scenario)
