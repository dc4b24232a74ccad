"""HTTP requests are retried where that is safe and useful, and otherwise raise the right error."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from fake_engine import ORDER_ID, QUICK, Answer, FakeEngine, fake_engine, history, ok, order, problem
from order_client import (
    ApiError,
    AsyncClient,
    FieldError,
    IdempotencyConflict,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unreachable,
    ValidationFailed,
)


def call(
    work: Callable[[AsyncClient], Awaitable[Any]], *answers: Answer | None, engines: list[FakeEngine] | None = None
) -> Any:
    """The result of `work` with an engine that gives these responses."""

    async def run() -> Any:
        async with fake_engine(answers=answers) as engine, engine.client() as client:
            if engines is not None:
                engines.append(engine)
            return await work(client)

    return asyncio.run(run())


def test_submit_is_retried_with_the_same_client_order_id() -> None:
    engines: list[FakeEngine] = []
    for unanswered in (None, problem(503, "outcome_unknown", orderId=ORDER_ID)):
        placed = call(
            lambda client: client.submit("SOL", "USDC", Decimal("1E+1")),
            unanswered,
            problem(503, "database_unavailable"),
            ok(order(1), 202),
            engines=engines,
        )
        assert placed.order_id == ORDER_ID
        bodies = [body for _, body in engines[-1].calls]
        assert bodies[0] == bodies[1] == bodies[2]
        assert bodies[0]["clientOrderId"]
        assert bodies[0]["amount"] == "10"


def test_submit_sends_only_the_given_fields() -> None:
    engines: list[FakeEngine] = []
    expires_at = datetime(2026, 11, 21, 3, 0, 0, 123_456, timezone(timedelta(hours=1)))

    async def twice(client: AsyncClient) -> None:
        await client.submit("SOL", "USDC", 1, client_order_id="mine")
        await client.submit("SOL", "USDC", 1, 20, "yours", min_amount_out=Decimal("1.4E+2"), expires_at=expires_at)

    call(twice, ok(order(1)), ok(order(1)), engines=engines)
    swap = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": "1"}
    limits = {"slippageBps": 20, "minAmountOut": "140", "expiresAt": "2026-11-21T02:00:00.123Z"}
    assert [body for _, body in engines[0].calls] == [
        {**swap, "clientOrderId": "mine"},
        {**swap, **limits, "clientOrderId": "yours"},
    ]


def test_a_time_without_a_time_zone_is_rejected() -> None:
    with pytest.raises(ValueError, match="time zone"):
        call(lambda client: client.submit("SOL", "USDC", 1, expires_at=datetime(2026, 11, 21)))


UNKNOWN = problem(503, "outcome_unknown", orderId=ORDER_ID)
NOTHING_STORED = problem(503, "database_unavailable")


@pytest.mark.parametrize(
    ("answers", "order_id", "status"),
    [
        pytest.param([UNKNOWN] * 3, ORDER_ID, 503, id="reported by the engine"),
        pytest.param([UNKNOWN, NOTHING_STORED, None], ORDER_ID, 503, id="followed by other errors"),
        pytest.param([NOTHING_STORED, None, NOTHING_STORED], None, None, id="the connection is lost"),
        pytest.param([problem(500, "engine_error")] * 3, None, 500, id="the engine crashes"),
        pytest.param([ok({"message": "Service Unavailable"}, 503)] * 3, None, 503, id="no response behind the gateway"),
    ],
)
def test_a_submit_that_may_have_succeeded_raises_outcome_unknown(
    answers: Sequence[Answer | None], order_id: str | None, status: int | None
) -> None:
    engines: list[FakeEngine] = []
    with pytest.raises(OutcomeUnknown) as caught:
        call(lambda client: client.submit("SOL", "USDC", 1), *answers, engines=engines)
    keys = {body["clientOrderId"] for _, body in engines[0].calls}
    assert keys == {caught.value.client_order_id}
    assert (caught.value.order_id, caught.value.status) == (order_id, status)


def test_a_submit_that_certainly_failed_raises_its_error() -> None:
    def submit(client: AsyncClient) -> Awaitable[Any]:
        return client.submit("SOL", "USDC", 1)

    with pytest.raises(Unavailable) as caught:
        call(submit, *[NOTHING_STORED] * 3)
    assert caught.type is Unavailable
    with pytest.raises(TooManyRequests):
        call(submit, *[problem(429, "too_many_requests")] * 3)

    async def without_an_engine() -> None:
        async with AsyncClient("http://127.0.0.1:9", retries=QUICK) as client:
            await submit(client)

    with pytest.raises(Unreachable):
        asyncio.run(without_an_engine())


def test_two_submits_have_different_client_order_ids() -> None:
    engines: list[FakeEngine] = []

    async def twice(client: AsyncClient) -> None:
        await client.submit("SOL", "USDC", 1)
        await client.submit("SOL", "USDC", 1)

    call(twice, ok(order(1)), ok(order(1)), engines=engines)
    first, second = (body["clientOrderId"] for _, body in engines[0].calls)
    assert first != second


def test_retry_after_is_honored() -> None:
    started = time.monotonic()
    call(lambda client: client.tokens(), problem(429, "too_many_requests", retry_after="1"), ok({"tokens": []}))
    assert time.monotonic() - started >= 1


def test_a_retry_after_beyond_the_limit_fails_immediately() -> None:
    with pytest.raises(TooManyRequests) as caught:
        call(lambda client: client.tokens(), problem(429, "too_many_requests", retry_after="3600"))
    assert caught.value.retry_after == 3600


def test_the_number_of_attempts_is_limited() -> None:
    with pytest.raises(Unavailable) as caught:
        call(lambda client: client.get(ORDER_ID), *[problem(503, "database_unavailable")] * QUICK.max_attempts)
    assert (caught.value.status, caught.value.code) == (503, "database_unavailable")
    with pytest.raises(Unreachable):
        call(lambda client: client.get(ORDER_ID), *[None] * QUICK.max_attempts)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(401, "unauthenticated"), Unauthenticated),
        (ok({"message": "Unauthorized"}, 401), Unauthenticated),
        (problem(404, "order_not_found"), NotFound),
        (problem(422, "idempotency_conflict"), IdempotencyConflict),
        (problem(422, "unsupported_pair"), ValidationFailed),
        (problem(413, "body_too_large"), ApiError),
        (ok([]), ProtocolError),
        (ok({**history(1), "amount": "much"}), ProtocolError),
    ],
)
def test_permanent_errors_are_not_retried(answer: Answer, error: type[Exception]) -> None:
    with pytest.raises(error):
        call(lambda client: client.get(ORDER_ID), answer)


def test_invalid_fields_are_named() -> None:
    errors = [{"field": "amount", "message": "must be positive"}]
    with pytest.raises(ValidationFailed) as caught:
        call(lambda client: client.submit("SOL", "USDC", 0), problem(422, "validation_failed", errors=errors))
    assert caught.value.errors == (FieldError("amount", "must be positive"),)


def test_a_float_amount_is_rejected() -> None:
    amount: Any = 0.1
    with pytest.raises(TypeError):
        call(lambda client: client.submit("SOL", "USDC", amount))


def pages(*numbers: int) -> Sequence[Answer]:
    last = len(numbers) - 1
    return [
        ok({"orders": [order(1)] * number, "nextCursor": None if index == last else f"cursor{index}"})
        for index, number in enumerate(numbers)
    ]


def listed(answers: Sequence[Answer], status: str | None = None, limit: int | None = None) -> tuple[int, list[Any]]:
    engines: list[FakeEngine] = []

    async def count(client: AsyncClient) -> int:
        return len([one async for one in client.list(status, limit)])

    number = call(count, *answers, engines=engines)
    return number, [query for _, query in engines[0].calls]


def test_list_follows_the_cursor() -> None:
    number, queries = listed(pages(100, 100, 3), status="failed")
    assert number == 203
    assert queries == [
        {"status": "failed", "limit": "100"},
        {"status": "failed", "limit": "100", "cursor": "cursor0"},
        {"status": "failed", "limit": "100", "cursor": "cursor1"},
    ]


def test_list_requests_no_more_than_its_limit() -> None:
    number, queries = listed(pages(100, 20, 1)[:2], limit=120)
    assert number == 120
    assert [query["limit"] for query in queries] == ["100", "20"]


def test_an_order_id_cannot_change_the_path() -> None:
    engines: list[FakeEngine] = []
    with pytest.raises(NotFound):
        call(lambda client: client.get("../tokens?x"), problem(404, "route_not_found"), engines=engines)
    assert engines[0].calls[0][0] == "/api/orders/../tokens?x"
