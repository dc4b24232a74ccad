"""Group commit."""

import asyncio
from collections.abc import Sequence

import pytest

from order_engine.batching import Batcher


async def test_items_that_arrive_during_a_flush_are_flushed_together_in_the_next_batch() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def flush(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        await gate.wait()
        return [item * 10 for item in items]

    batcher: Batcher[int, int] = Batcher(flush)
    first = batcher.put(1)
    while not batches:
        await asyncio.sleep(0)
    rest = [batcher.put(item) for item in (2, 3, 4)]
    gate.set()
    assert await asyncio.gather(first, *rest) == [10, 20, 30, 40]
    assert batches == [[1], [2, 3, 4]]


async def test_a_lingering_batch_is_flushed_by_drain() -> None:
    batches: list[list[int]] = []

    async def flush(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        return items

    batcher: Batcher[int, int] = Batcher(flush, linger=3_600)
    batcher.put(1)
    await asyncio.sleep(0)
    batcher.put(2)
    await batcher.drain()
    batcher.put(3)
    await asyncio.sleep(0)
    await batcher.drain()
    assert batches == [[1, 2], [3]]


async def test_a_batch_is_flushed_after_its_linger_time() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int]:
        return items

    assert await Batcher[int, int](flush, linger=0.01).put(1) == 1


async def test_no_batch_is_larger_than_the_limit() -> None:
    sizes: list[int] = []

    async def flush(items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return items

    batcher: Batcher[int, int] = Batcher(flush, limit=4)
    assert await asyncio.gather(*(batcher.put(item) for item in range(10))) == list(range(10))
    assert sizes == [4, 4, 2]


async def test_an_items_error_affects_only_that_item_and_a_failed_flush_its_whole_batch() -> None:
    async def flush(items: Sequence[str]) -> Sequence[str | Exception]:
        if "crash" in items:
            raise RuntimeError("flush failed")
        return [ValueError(item) if item == "bad" else item for item in items]

    batcher: Batcher[str, str] = Batcher(flush)
    good, bad = batcher.put("good"), batcher.put("bad")
    assert await good == "good"
    with pytest.raises(ValueError, match="bad"):
        await bad
    for future in [batcher.put("crash"), batcher.put("bystander")]:
        with pytest.raises(RuntimeError, match="flush failed"):
            await future


async def test_drain_waits_for_items_that_are_added_meanwhile() -> None:
    seen: list[int] = []

    async def flush(items: Sequence[int]) -> Sequence[None]:
        await asyncio.sleep(0)
        if items[0] < 3:
            batcher.put(items[0] + 1)
        seen.extend(items)
        return [None] * len(items)

    batcher: Batcher[int, None] = Batcher(flush)
    batcher.put(1)
    await batcher.drain()
    assert seen == [1, 2, 3]


async def test_a_canceled_item_does_not_affect_the_others() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int]:
        return items

    batcher: Batcher[int, int] = Batcher(flush)
    batcher.put(1).cancel()
    assert await batcher.put(2) == 2
