"""Work on many orders at once, as far as the time allows."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar
from uuid import UUID

Result = TypeVar("Result")


async def in_time(work: Mapping[UUID, Coroutine[Any, Any, Result]], ends_at: float) -> dict[UUID, Result]:
    """The results of all that was through at `ends_at`, by the event loop's clock; the rest is cancelled."""
    if not work:
        return {}
    tasks = {order_id: asyncio.create_task(each) for order_id, each in work.items()}
    await asyncio.wait(tasks.values(), timeout=ends_at - asyncio.get_running_loop().time())
    late = {order_id for order_id, task in tasks.items() if task.cancel()}
    await asyncio.wait(tasks.values())
    return {order_id: task.result() for order_id, task in tasks.items() if order_id not in late}
