"""Orders with a price, and what can be done while they rest."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fake_engine import ORDER_ID, Answer, FakeEngine, fake_engine, ok, order, problem, resting
from order_client import (
    AlreadyFinished,
    AlreadySubmitted,
    AsyncClient,
    Cancelled,
    NotCancelled,
    NotResting,
    PriceOutOfRange,
    ProtocolError,
    WrongStatus,
)

PATH = f"/api/orders/{ORDER_ID}"


def call(work: Callable[[AsyncClient], Awaitable[Any]], *answers: Answer | None) -> tuple[Any, FakeEngine]:
    """The result of `work` with an engine that gives these responses."""

    async def run() -> tuple[Any, FakeEngine]:
        async with fake_engine(answers=answers) as engine, engine.client() as client:
            return await work(client), engine

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"limit_price": "150"}, {"orderType": "limit", "limitPrice": "150"}),
        ({"stop_price": Decimal("1.4E+2")}, {"orderType": "stop", "stopPrice": "140"}),
        ({"order_type": "sniper"}, {"orderType": "sniper"}),
        ({"order_type": "market"}, {"orderType": "market"}),
        ({"limit_price": 150, "force": True}, {"orderType": "limit", "limitPrice": "150", "force": True}),
    ],
)
def test_a_price_implies_the_order_type(given: Any, sent: dict[str, Any]) -> None:
    placed, engine = call(lambda client: client.submit("SOL", "USDC", 1, None, "mine", **given), ok(resting(), 202))
    assert (placed.status, placed.limit_price) == ("resting", Decimal(150))
    swap = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": "1", "clientOrderId": "mine"}
    assert engine.calls == [("/api/orders/execute", {**swap, **sent})]


@pytest.mark.parametrize("order_type", [None, "limit"])
def test_two_prices_are_rejected(order_type: str | None) -> None:
    with pytest.raises(ValueError, match="limit_price or a stop_price"):
        call(lambda client: client.submit("SOL", "USDC", 1, order_type=order_type, limit_price=150, stop_price=140))


def test_a_float_price_is_rejected() -> None:
    price: Any = 150.5
    with pytest.raises(TypeError):
        call(lambda client: client.submit("SOL", "USDC", 1, limit_price=price))
    with pytest.raises(TypeError):
        call(lambda client: client.replace(ORDER_ID, stop_price=price))


def test_a_price_out_of_range_has_the_market_price() -> None:
    with pytest.raises(PriceOutOfRange) as caught:
        call(
            lambda client: client.submit("SOL", "USDC", 1, limit_price=15),
            problem(422, "price_out_of_range", marketPrice="150.25"),
        )
    assert (caught.value.market_price, caught.value.status) == (Decimal("150.25"), 422)


def test_cancel_is_retried_without_a_response() -> None:
    cancelled = ok(order(2, status="cancelled", terminal=True))
    result, engine = call(lambda client: client.cancel(ORDER_ID), None, problem(503, "database_unavailable"), cancelled)
    assert (result.status, result.terminal) == ("cancelled", True)
    assert [path for path, _ in engine.calls] == [PATH] * 3
    assert set(engine.methods) == {"DELETE"}


@pytest.mark.parametrize(
    ("code", "error"),
    [("already_submitted", AlreadySubmitted), ("already_finished", AlreadyFinished), ("not_resting", NotResting)],
)
def test_a_conflict_has_the_order(code: str, error: type[WrongStatus]) -> None:
    with pytest.raises(error) as caught:
        call(lambda client: client.cancel(ORDER_ID), problem(409, code, order=order(4, cancelRequested=True)))
    assert (caught.value.code, caught.value.order.status) == (code, "submitted")
    assert caught.value.order.cancel_requested


@pytest.mark.parametrize("incomplete", [problem(409, "not_resting"), problem(422, "price_out_of_range")])
def test_an_incomplete_problem_is_a_protocol_error(incomplete: Answer) -> None:
    with pytest.raises(ProtocolError):
        call(lambda client: client.replace(ORDER_ID, amount=1), incomplete)


def test_cancel_all_is_repeated_until_it_is_complete() -> None:
    def left(*codes: str) -> list[dict[str, str]]:
        return [{"orderId": f"o{number}", "code": code} for number, code in enumerate(codes)]

    result, engine = call(
        lambda client: client.cancel_all(status="resting", token_in="SOL", token_out="USDC"),
        ok({"cancelled": ["a", "b"], "notCancelled": left("already_submitted"), "complete": False}),
        None,
        ok({"cancelled": ["c"], "notCancelled": left("already_finished", "already_submitted"), "complete": True}),
    )
    assert result == Cancelled(
        cancelled=("a", "b", "c"),
        not_cancelled=(
            NotCancelled(order_id="o0", code="already_finished"),
            NotCancelled(order_id="o1", code="already_submitted"),
        ),
    )
    assert engine.calls == [("/api/orders", {"status": "resting", "tokenIn": "SOL", "tokenOut": "USDC"})] * 3
    assert set(engine.methods) == {"DELETE"}


def test_cancel_all_without_a_filter_sends_none() -> None:
    nothing = ok({"cancelled": [], "notCancelled": [], "complete": True})
    result, engine = call(lambda client: client.cancel_all(), nothing)
    assert result == Cancelled(cancelled=(), not_cancelled=())
    assert engine.calls == [("/api/orders", {})]


def test_replace_sends_only_the_given_terms_and_is_retried() -> None:
    expires_at = datetime(2026, 11, 22, tzinfo=UTC)

    async def work(client: AsyncClient) -> Any:
        await client.replace(ORDER_ID, limit_price="151")
        return await client.replace(ORDER_ID, stop_price=140, amount=2, expires_at=expires_at, force=True)

    replaced = ok(resting(2, limitPrice="151"))
    result, engine = call(work, None, replaced, replaced)
    assert (result.limit_price, result.sequence) == (Decimal(151), 2)
    terms = {"stopPrice": "140", "amount": "2", "expiresAt": "2026-11-22T00:00:00.000Z", "force": True}
    assert engine.calls == [(PATH, {"limitPrice": "151"}), (PATH, {"limitPrice": "151"}), (PATH, terms)]
    assert set(engine.methods) == {"PATCH"}


def test_cancel_after() -> None:
    at = {"cancelAt": "2026-11-21T01:46:33.648Z"}
    result, engine = call(lambda client: client.cancel_after(60), None, ok(at))
    assert result == datetime(2026, 11, 21, 1, 46, 33, 648_000, UTC)
    assert engine.calls == [("/api/orders/cancel-after", {"seconds": 60})] * 2
    assert call(lambda client: client.cancel_after(0), ok({"cancelAt": None}))[0] is None
