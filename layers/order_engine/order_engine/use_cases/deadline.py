"""How long work on a batch of orders may take."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

Result = TypeVar("Result")

_FIRST_SECONDS, _LAST_SECONDS = 1, 3  # to publish
_AFTER_WORK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Deadline:
    """Times by the event loop's clock. Handlers leave three seconds from `work_ends` to their function's timeout."""

    work_ends: float

    @classmethod
    def after(cls, time_limit: timedelta) -> Self:
        """Work ends when `time_limit` is over."""
        return cls(asyncio.get_running_loop().time() + time_limit.total_seconds())

    @property
    def published(self) -> float:
        """So long the steps of orders may hold up that they are handed over: a second from now."""
        return asyncio.get_running_loop().time() + _FIRST_SECONDS

    @property
    def finished(self) -> float:
        """Until then the last steps may be published; those that are not wait for the environment's next invocation."""
        return min(asyncio.get_running_loop().time() + _LAST_SECONDS, self.work_ends + _AFTER_WORK_SECONDS)

    async def results(self, work: Mapping[UUID, Coroutine[Any, Any, Result]]) -> dict[UUID, Result]:
        """Of all that was through when the work ends; the rest is cancelled."""
        if not work:
            return {}
        tasks = {order_id: asyncio.create_task(each) for order_id, each in work.items()}
        await asyncio.wait(tasks.values(), timeout=self.work_ends - asyncio.get_running_loop().time())
        late = {order_id for order_id, task in tasks.items() if task.cancel()}
        await asyncio.wait(tasks.values())
        return {order_id: task.result() for order_id, task in tasks.items() if order_id not in late}
