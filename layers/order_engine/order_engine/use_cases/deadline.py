"""Time limits for the work on a batch of orders."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

Result = TypeVar("Result")

_PUBLISH_BEFORE_HANDOVER_SECONDS, _PUBLISH_AT_END_SECONDS = 1, 3
_AFTER_WORK_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Deadline:
    """Times on the event loop's clock. Handlers leave three seconds between `work_ends` and the function's timeout."""

    work_ends: float

    @classmethod
    def after(cls, time_limit: timedelta) -> Self:
        """The deadline of work that may take `time_limit` from now."""
        return cls(asyncio.get_running_loop().time() + time_limit.total_seconds())

    @property
    def has_time(self) -> bool:
        """Whether the work may go on."""
        return asyncio.get_running_loop().time() < self.work_ends

    @property
    def publish_by(self) -> float:
        """Until when publishing may delay the hand-over of the orders: one second from now."""
        return asyncio.get_running_loop().time() + _PUBLISH_BEFORE_HANDOVER_SECONDS

    @property
    def finish_by(self) -> float:
        """Until when the last events may be published; the rest waits for the environment's next invocation."""
        return min(asyncio.get_running_loop().time() + _PUBLISH_AT_END_SECONDS, self.work_ends + _AFTER_WORK_SECONDS)

    async def results(self, work: Mapping[UUID, Coroutine[Any, Any, Result]]) -> dict[UUID, Result]:
        """The results of the work that completes in time; the rest is cancelled."""
        if not work:
            return {}
        tasks = {order_id: asyncio.create_task(each) for order_id, each in work.items()}
        await asyncio.wait(tasks.values(), timeout=self.work_ends - asyncio.get_running_loop().time())
        late = {order_id for order_id, task in tasks.items() if task.cancel()}
        await asyncio.wait(tasks.values())
        return {order_id: task.result() for order_id, task in tasks.items() if order_id not in late}
