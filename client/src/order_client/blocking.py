"""The client for code without asyncio: runs AsyncClient on an event loop in a background thread."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from concurrent.futures import CancelledError, Future, wait
from datetime import datetime
from typing import Any, Self, TypeVar

from order_client.client import AsyncClient
from order_client.errors import OrderEngineError
from order_client.models import Cancelled, Event, Order, Quotes, Token
from order_client.requests import ExactNumber, NewOrder
from order_client.retries import RetryPolicy

T = TypeVar("T")

_CLOSE_SECONDS = 2


class Client:
    """Blocking versions of AsyncClient's methods. It is thread-safe and may be used where an event loop is running.

    Close it or use it in a `with` statement; closing also ends its streams. Ctrl-C cancels a call in progress.
    """

    def __init__(
        self,
        url: str | None = None,
        ws_url: str | None = None,
        key: str | None = None,
        profile: str | None = None,
        retries: RetryPolicy | None = None,
    ) -> None:
        self._client = AsyncClient(url, ws_url, key, profile, retries)
        self.endpoints = self._client.endpoints
        self._streams: set[AsyncGenerator[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="order-client", daemon=True)
        self._thread.start()

    def submit(  # noqa: PLR0913 - one parameter per order field
        self,
        token_in: str,
        token_out: str,
        amount: ExactNumber,
        slippage_bps: int | None = None,
        client_order_id: str | None = None,
        *,
        order_type: str | None = None,
        limit_price: ExactNumber | None = None,
        stop_price: ExactNumber | None = None,
        min_amount_out: ExactNumber | None = None,
        expires_at: datetime | None = None,
        force: bool = False,
    ) -> Order:
        """Place an order: a market order, or a limit or stop order with a price."""
        return self._wait(
            lambda: self._client.submit(
                token_in,
                token_out,
                amount,
                slippage_bps,
                client_order_id,
                order_type=order_type,
                limit_price=limit_price,
                stop_price=stop_price,
                min_amount_out=min_amount_out,
                expires_at=expires_at,
                force=force,
            )
        )

    def submit_many(self, orders: Sequence[NewOrder]) -> tuple[Order | OrderEngineError, ...]:
        """Place orders; returns for each, in order, the order or its error."""
        return self._wait(lambda: self._client.submit_many(orders))

    def get(self, order_id: str) -> Order:
        """One order with its events."""
        return self._wait(lambda: self._client.get(order_id))

    def cancel(self, order_id: str) -> Order:
        """Cancel an order. Safe to repeat."""
        return self._wait(lambda: self._client.cancel(order_id))

    def cancel_all(
        self, status: str | None = None, token_in: str | None = None, token_out: str | None = None
    ) -> Cancelled:
        """Cancel all open orders, or those with this status that sell and buy these tokens. Safe to repeat."""
        return self._wait(lambda: self._client.cancel_all(status, token_in, token_out))

    def replace(  # noqa: PLR0913 - one parameter per term
        self,
        order_id: str,
        *,
        limit_price: ExactNumber | None = None,
        stop_price: ExactNumber | None = None,
        amount: ExactNumber | None = None,
        expires_at: datetime | None = None,
        force: bool = False,
    ) -> Order:
        """Give a resting order other terms; those that are not given stay. Safe to repeat."""
        return self._wait(
            lambda: self._client.replace(
                order_id,
                limit_price=limit_price,
                stop_price=stop_price,
                amount=amount,
                expires_at=expires_at,
                force=force,
            )
        )

    def cancel_after(self, seconds: int) -> datetime | None:
        """Have all open orders cancelled in so many seconds, unless this is called again before; 0 switches it off."""
        return self._wait(lambda: self._client.cancel_after(seconds))

    def list(self, status: str | None = None, limit: int | None = None) -> Generator[Order]:
        """Orders, newest first."""
        return self._iterate(self._client.list(status, limit))

    def quote(self, token_in: str, token_out: str, amount: ExactNumber) -> Quotes:
        """Every venue's current quote for the swap."""
        return self._wait(lambda: self._client.quote(token_in, token_out, amount))

    def tokens(self) -> tuple[Token, ...]:
        """The tokens that can be traded."""
        return self._wait(self._client.tokens)

    def stream(self, order_id: str, after_sequence: int = 0) -> Generator[Event]:
        """The order's events, each once and in order, until the order ends."""
        return self._iterate(self._client.stream(order_id, after_sequence))

    def stream_account(self, on_subscribed: Callable[[], None] | None = None) -> Generator[Event]:
        """Every order's events, endlessly. `on_subscribed` is called on the client's background thread."""
        return self._iterate(self._client.stream_account(on_subscribed))

    def close(self) -> None:
        """Close the connections and stop the thread; the client cannot be used afterwards."""
        if self._loop.is_closed():
            return
        for stream in [*self._streams]:
            self._wait(stream.aclose)
        self._wait(self._client.aclose)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, work: Callable[[], Awaitable[T]]) -> T:
        done: Future[T] = Future()
        tasks: list[asyncio.Task[T]] = []

        async def run() -> T:
            return await work()

        def start() -> None:
            tasks.append(self._loop.create_task(run()))
            tasks[0].add_done_callback(lambda task: _settle(done, task))

        def stop() -> None:
            if tasks:
                tasks[0].cancel()
            else:
                done.set_exception(CancelledError())

        # The coroutine is created on the loop: if created here and interrupted before it starts, it is never awaited.
        try:
            self._loop.call_soon_threadsafe(start)
            return done.result()
        except KeyboardInterrupt:
            # The interrupt may arrive before `start` has run; the loop runs the two callbacks in order.
            self._loop.call_soon_threadsafe(stop)
            wait([done], _CLOSE_SECONDS)  # gives an open socket time for its close handshake
            raise

    def _iterate(self, items: AsyncGenerator[T]) -> Generator[T]:
        async def following() -> tuple[T, ...]:
            async for item in items:
                return (item,)
            return ()

        self._streams.add(items)
        try:
            while found := self._wait(following):
                yield found[0]
        finally:
            if not self._loop.is_closed():
                self._wait(items.aclose)
            self._streams.discard(items)


def _settle(done: Future[T], task: asyncio.Task[T]) -> None:
    error = CancelledError() if task.cancelled() else task.exception()
    if error:
        done.set_exception(error)
    else:
        done.set_result(task.result())
