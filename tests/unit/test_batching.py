"""Group commit."""

import asyncio
from collections.abc import Sequence

import pytest

from order_engine.batching import Batcher


def test_what_arrives_during_a_flush_goes_together_in_the_next() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def flush(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        await gate.wait()
        return [item * 10 for item in items]

    async def scenario() -> list[int]:
        batcher: Batcher[int, int] = Batcher(flush)
        first = batcher.put(1)
        while not batches:
            await asyncio.sleep(0)
        rest = [batcher.put(item) for item in (2, 3, 4)]
        gate.set()
        return await asyncio.gather(first, *rest)

    assert asyncio.run(scenario()) == [10, 20, 30, 40]
    assert batches == [[1], [2, 3, 4]]


def test_a_batch_waits_for_more_until_somebody_drains() -> None:
    batches: list[list[int]] = []

    async def flush(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        return items

    async def scenario() -> None:
        batcher: Batcher[int, int] = Batcher(flush, linger=3_600)
        batcher.put(1)
        await asyncio.sleep(0)
        batcher.put(2)
        await batcher.drain()
        batcher.put(3)
        await asyncio.sleep(0)
        await batcher.drain()

    asyncio.run(scenario())
    assert batches == [[1, 2], [3]]


def test_a_batch_waits_no_longer_than_it_should() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int]:
        return items

    async def scenario() -> int:
        return await Batcher[int, int](flush, linger=0.01).put(1)

    assert asyncio.run(scenario()) == 1


def test_no_batch_is_larger_than_the_limit() -> None:
    sizes: list[int] = []

    async def flush(items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return items

    async def scenario() -> None:
        batcher: Batcher[int, int] = Batcher(flush, limit=4)
        assert await asyncio.gather(*(batcher.put(item) for item in range(10))) == list(range(10))

    asyncio.run(scenario())
    assert sizes == [4, 4, 2]


def test_one_items_error_is_its_own_and_a_failed_flush_is_everybodys() -> None:
    async def flush(items: Sequence[str]) -> Sequence[str | Exception]:
        if "crash" in items:
            raise RuntimeError("flush failed")
        return [ValueError(item) if item == "bad" else item for item in items]

    async def scenario() -> None:
        batcher: Batcher[str, str] = Batcher(flush)
        good, bad = batcher.put("good"), batcher.put("bad")
        assert await good == "good"
        with pytest.raises(ValueError, match="bad"):
            await bad
        for future in [batcher.put("crash"), batcher.put("bystander")]:
            with pytest.raises(RuntimeError, match="flush failed"):
                await future

    asyncio.run(scenario())


def test_drain_waits_for_what_arrives_meanwhile() -> None:
    seen: list[int] = []

    async def scenario() -> None:
        async def flush(items: Sequence[int]) -> Sequence[None]:
            await asyncio.sleep(0)
            if items[0] < 3:
                batcher.put(items[0] + 1)
            seen.extend(items)
            return [None] * len(items)

        batcher: Batcher[int, None] = Batcher(flush)
        batcher.put(1)
        await batcher.drain()

    asyncio.run(scenario())
    assert seen == [1, 2, 3]


def test_an_abandoned_item_harms_nobody() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int]:
        return items

    async def scenario() -> None:
        batcher: Batcher[int, int] = Batcher(flush)
        batcher.put(1).cancel()
        assert await batcher.put(2) == 2

    asyncio.run(scenario())
