"""Submits many orders at once and measures how long each takes."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter

from order_client.client import AsyncClient
from order_client.errors import ApiError, OrderEngineError, OutcomeUnknown
from order_client.models import Order, Status
from order_client.requests import NewOrder
from order_client.retries import WORTH_A_RETRY

End = tuple[float, str, str | None]

_CHECK_SECONDS = 10
"""An order whose end was not pushed within this time is fetched, because pushes are best effort."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to submit: `orders` orders, `in_flight` of them at once, within a time limit of `timeout` seconds.

    With a `batch` of 1 each order is submitted by a call of its own; otherwise `batch` orders by a call, and at least
    one batch is in flight.
    """

    orders: int
    in_flight: int
    batch: int
    timeout: float
    token_in: str
    token_out: str
    amount: str
    slippage_bps: int


@dataclass(slots=True)
class Result:
    """Outcomes, and latencies in seconds from the submit call to its response and to the push of the confirmation."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """By terminal status, refused (no order), unknown (possibly an order) or unsettled (not finished in time)."""
    errors: Counter[str] = field(default_factory=Counter)
    accepted: list[float] = field(default_factory=list)
    confirmed: list[float] = field(default_factory=list)
    seconds: float = 0.0


class Load:
    """One run. `on_settled` is called once per order."""

    def __init__(self, client: AsyncClient, plan: Plan, on_settled: Callable[[], None]) -> None:
        self._client = client
        self._plan = plan
        self._on_settled = on_settled
        self._ends: defaultdict[str, asyncio.Future[End]] = defaultdict(asyncio.get_running_loop().create_future)
        self._result = Result()

    async def run(self) -> Result:
        """Submit all orders; returns when all have ended or the time limit has passed. Raises OrderEngineError."""
        subscribed = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                listener = group.create_task(self._listen(subscribed))
                await subscribed.wait()
                await self._submit_all()
                listener.cancel()
        except* OrderEngineError as errors:
            raise _first(errors) from None
        return self._result

    async def _submit_all(self) -> None:
        started = perf_counter()
        numbers = iter(range(self._plan.orders))

        async def lane() -> None:
            while batch := [*islice(numbers, self._plan.batch)]:
                await self._submit(len(batch))

        try:
            async with asyncio.timeout(self._plan.timeout), asyncio.TaskGroup() as group:
                for _ in range(max(1, min(self._plan.in_flight, self._plan.orders) // self._plan.batch)):
                    group.create_task(lane())
        except TimeoutError:
            self._result.outcomes["unsettled"] = self._plan.orders - self._result.outcomes.total()
        self._result.seconds = perf_counter() - started

    async def _submit(self, orders: int) -> None:
        started = perf_counter()
        placed = await self._place(orders)
        accepted = perf_counter() - started
        async with asyncio.TaskGroup() as group:
            for order in placed:
                group.create_task(self._settle(order, started, accepted))

    async def _place(self, orders: int) -> Sequence[Order | OrderEngineError]:
        plan = self._plan
        if plan.batch > 1:
            new = NewOrder(plan.token_in, plan.token_out, plan.amount, plan.slippage_bps)
            return await self._client.submit_many([new] * orders)
        try:
            return [await self._client.submit(plan.token_in, plan.token_out, plan.amount, plan.slippage_bps)]
        except OrderEngineError as error:
            return [error]

    async def _settle(self, order: Order | OrderEngineError, started: float, accepted: float) -> None:
        result = self._result
        if isinstance(order, OrderEngineError):
            result.outcomes["unknown" if isinstance(order, OutcomeUnknown) else "refused"] += 1
            result.errors[order.code if isinstance(order, ApiError) else "unreachable"] += 1
        else:
            result.accepted.append(accepted)
            ended, status, error_code = await self._end(order.order_id, started)
            result.outcomes[status] += 1
            if status == Status.CONFIRMED:
                result.confirmed.append(ended - started)
            if error_code:
                result.errors[error_code] += 1
        self._on_settled()

    async def _end(self, order_id: str, started: float) -> End:
        """Wait until the order ends: its end time, final status and error code."""
        end = self._ends[order_id]
        while True:
            try:
                async with asyncio.timeout(_CHECK_SECONDS):
                    return await asyncio.shield(end)
            except TimeoutError:
                with suppress(*WORTH_A_RETRY):
                    order = await self._client.get(order_id)
                    if order.terminal and order.updated_at:
                        took = (order.updated_at - order.created_at).total_seconds()
                        return started + took, order.status, order.error.code if order.error else None

    async def _listen(self, subscribed: asyncio.Event) -> None:
        # One account stream for all orders: a socket per order would cause most of the load.
        async for event in self._client.stream_account(subscribed.set):
            end = self._ends[event.order_id]
            if event.terminal and not end.done():
                end.set_result((perf_counter(), event.status, event.error.code if event.error else None))


def _first(errors: BaseExceptionGroup[OrderEngineError]) -> OrderEngineError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
