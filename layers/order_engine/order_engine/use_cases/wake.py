"""Start the trigger when something begins to wait for it."""

from dataclasses import dataclass

from order_engine.domain.errors import EngineError
from order_engine.observability import error_fields, logger
from order_engine.use_cases.ports import Triggers, WakeUps


@dataclass(frozen=True, slots=True)
class Waker:
    """Starts the trigger unless it is running."""

    triggers: Triggers
    wake_ups: WakeUps

    async def wake(self) -> None:
        """Best effort: the schedule starts the trigger within a minute."""
        try:
            if await self.triggers.wake():
                await self.wake_ups.send()
        except EngineError as error:
            logger.warning("trigger not started", extra=error_fields(error))
