"""Batches: every order gets its result, whatever happens to the calls."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from fake_engine import ORDER_ID, QUICK, Answer, Document, FakeEngine, fake_engine, ok, order, problem
from order_client import (
    NewOrder,
    Order,
    OrderEngineError,
    OutcomeUnknown,
    PriceOutOfRange,
    ProtocolError,
    Unauthenticated,
    Unavailable,
    Unreachable,
    ValidationFailed,
)

UNKNOWN = {"problem": {"status": 503, "code": "outcome_unknown", "detail": "Unknown.", "orderId": ORDER_ID}}
REFUSED = {"problem": {"status": 422, "code": "validation_failed", "detail": "No.", "errors": []}}


def submit(
    orders: Sequence[NewOrder], *answers: Answer | None
) -> tuple[tuple[Order | OrderEngineError, ...], FakeEngine]:
    """The results of a batch with an engine that gives these responses."""

    async def run() -> tuple[tuple[Order | OrderEngineError, ...], FakeEngine]:
        async with fake_engine(answers=answers) as engine, engine.client() as client:
            return await client.submit_many(orders), engine

    return asyncio.run(run())


def sent(engine: FakeEngine) -> list[list[Document]]:
    """The orders of each call."""
    assert {path for path, _ in engine.calls} <= {"/api/orders/batch"}
    return [body["orders"] for _, body in engine.calls]


def results(*documents: Document) -> Answer:
    return ok({"results": documents})


def accepted(**more: Any) -> Document:
    return {"order": order(1, **more), "replayed": False}


def test_each_order_has_its_result_in_order() -> None:
    orders = [
        NewOrder("SOL", "USDC", 1, 20, "mine"),
        NewOrder("SOL", "USDC", "0", limit_price="150"),
        NewOrder("SOL", "USDC", 1, order_type="sniper", force=True),
        NewOrder("SOL", "USDC", 1, stop_price=140),
    ]
    out_of_range = {"problem": {"status": 422, "code": "price_out_of_range", "detail": "No.", "marketPrice": "139"}}
    placed, engine = submit(orders, results(accepted(clientOrderId="mine"), REFUSED, accepted(), out_of_range))
    assert [type(result) for result in placed] == [Order, ValidationFailed, Order, PriceOutOfRange]
    bodies = sent(engine)[0]
    assert bodies[0] == {
        "tokenIn": "SOL",
        "tokenOut": "USDC",
        "amount": "1",
        "slippageBps": 20,
        "clientOrderId": "mine",
    }
    assert [body.get("orderType") for body in bodies] == [None, "limit", "sniper", "stop"]
    assert len({body["clientOrderId"] for body in bodies}) == 4


def test_nothing_is_sent_for_no_orders() -> None:
    assert submit([])[0] == ()


def test_more_orders_than_fit_into_a_call_are_split() -> None:
    names = [str(number) for number in range(205)]
    answers = [accepted(clientOrderId=name) for name in names]
    calls = [results(*answers[start : start + 100]) for start in (0, 100, 200)]
    placed, engine = submit([NewOrder("SOL", "USDC", 1, client_order_id=name) for name in names], *calls)
    assert [body["clientOrderId"] for bodies in sent(engine) for body in bodies] == names
    assert [result.client_order_id for result in placed if isinstance(result, Order)] == names


def test_a_call_without_a_response_is_repeated_with_the_same_ids() -> None:
    orders = [NewOrder("SOL", "USDC", 1)] * 2
    placed, engine = submit(orders, None, problem(503, "database_unavailable"), results(accepted(), accepted()))
    assert all(isinstance(result, Order) for result in placed)
    first, second, third = sent(engine)
    assert first == second == third


def test_only_orders_without_a_definite_result_are_sent_again() -> None:
    orders = [NewOrder("SOL", "USDC", 1, client_order_id=name) for name in "abc"]
    placed, engine = submit(
        orders, results(UNKNOWN, REFUSED, UNKNOWN), results(accepted(), UNKNOWN), results(accepted())
    )
    assert [type(result) for result in placed] == [Order, ValidationFailed, Order]
    assert [[body["clientOrderId"] for body in bodies] for bodies in sent(engine)] == [
        ["a", "b", "c"],
        ["a", "c"],
        ["c"],
    ]


def test_an_order_that_may_have_been_placed_has_an_unknown_outcome() -> None:
    orders = [NewOrder("SOL", "USDC", 1, client_order_id=name) for name in "ab"]
    failures = [problem(503, "database_unavailable")] * (QUICK.max_attempts - 1)
    placed, _ = submit(orders, results(UNKNOWN, accepted()), *failures)
    first, second = placed
    assert isinstance(first, OutcomeUnknown)
    assert (first.client_order_id, first.order_id) == ("a", ORDER_ID)
    assert isinstance(second, Order)


def test_orders_that_were_not_sent_have_the_error_that_ended_the_retries() -> None:
    orders = [NewOrder("SOL", "USDC", 1, client_order_id=str(number)) for number in range(101)]
    placed, engine = submit(orders, *[None] * QUICK.max_attempts)
    assert [len(bodies) for bodies in sent(engine)] == [100] * QUICK.max_attempts
    assert [result.client_order_id for result in placed[:100] if isinstance(result, OutcomeUnknown)] == [
        str(number) for number in range(100)
    ]
    assert type(placed[100]) is Unreachable
    assert {type(result) for result in submit(orders, *[problem(503, "database_unavailable")] * 3)[0]} == {Unavailable}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(401, "unauthenticated"), Unauthenticated),
        (results(accepted()), ProtocolError),
        (results(accepted(), {}), ProtocolError),
        (ok([]), ProtocolError),
    ],
)
def test_a_failed_call_is_the_result_of_its_orders(answer: Answer, error: type[Exception]) -> None:
    placed, _ = submit([NewOrder("SOL", "USDC", 1)] * 2, answer)
    assert type(placed[1]) is error


def test_an_order_that_cannot_be_sent_keeps_all_from_being_sent() -> None:
    amount: Any = 0.5
    with pytest.raises(TypeError):
        submit([NewOrder("SOL", "USDC", 1), NewOrder("SOL", "USDC", amount)])
    with pytest.raises(ValueError, match="limit_price or a stop_price"):
        submit([NewOrder("SOL", "USDC", 1, limit_price=1, stop_price=1)])
