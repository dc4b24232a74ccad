"""Group commit, for operations that are cheaper in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Collects items that arrive while a batch is in flight into the next one: single items when idle, many under load.

    `flush` gets up to `limit` items in order of arrival and returns, for each, its result or the exception to raise.
    Batches never overlap. Each waits `linger` seconds for more items, unless `drain` is waiting.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        limit: int = 500,
        linger: float = 0,
    ) -> None:
        self._flush = flush
        self._limit = limit
        self._linger = linger
        self._draining = asyncio.Event()
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._flusher: asyncio.Task[None] | None = None

    def put(self, item: Item) -> asyncio.Future[Result]:
        """Add an item; the future resolves to its result once its batch has been flushed."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._run())
        return future

    async def drain(self) -> None:
        """Wait until all items added so far have been flushed."""
        self._draining.set()
        try:
            while self._flusher and not self._flusher.done():
                await asyncio.wait([self._flusher])
        finally:
            self._draining.clear()

    async def _run(self) -> None:
        # Yield to the event loop once, so that tasks that are ready to add an item make it into the first batch.
        await asyncio.sleep(0)
        while self._waiting:
            await self._wait_for_more()
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            results = await self._flush_safely([item for item, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                if future.done():  # its caller was cancelled
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    async def _wait_for_more(self) -> None:
        if self._linger and not self._draining.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), self._linger)

    async def _flush_safely(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            results = await self._flush(items)
        except Exception as error:
            return [error] * len(items)
        if len(results) != len(items):
            return [RuntimeError(f"{len(items)} items, {len(results)} results")] * len(items)
        return results
