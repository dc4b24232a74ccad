"""Watch the market for resting orders: queue those whose price is reached."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from order_engine.domain.errors import DatabaseUnavailable, EngineError
from order_engine.domain.orders import latest_event
from order_engine.domain.triggers import Crossing, crossing_of
from order_engine.observability import error_fields, logger
from order_engine.observability.metrics import ORDERS_TRIGGERED, TICK_LAG, metrics
from order_engine.observability.orders import log_transition
from order_engine.use_cases.cancel import Canceller
from order_engine.use_cases.deadline import Deadline
from order_engine.use_cases.enqueue import enqueue
from order_engine.use_cases.ports import Journal, Orders, PriceFeed, Queue, Triggers

_AT_ONCE = 1_000
_SWITCH_TIME_LIMIT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Activates resting orders and cancels those of accounts that did not renew their dead man's switch.

    Several triggers at once do no harm: each order is activated by one of them. If a trigger dies between activating
    orders and queueing them, the sweeper queues them after `watchdog`.
    """

    triggers: Triggers
    orders: Orders
    queue: Queue
    journal: Journal
    prices: PriceFeed
    canceller: Canceller
    interval: timedelta
    watchdog: timedelta

    async def run(self, time_limit: timedelta) -> int:
        """Look at the market every `interval` for `time_limit`, or until nothing rests; returns how many orders fired.

        A tick that fails is repeated at the next one. Raises the last error if none succeeded.
        """
        deadline, fired, failure = Deadline.after(time_limit), 0, None
        due = succeeded = time.monotonic()
        while deadline.has_time:
            activated: int | None = 0
            try:
                activated = await self.tick(deadline)
                succeeded, failure = time.monotonic(), None
            except EngineError as error:
                logger.warning("tick failed", extra=error_fields(error))
                failure = error
            if activated is None and await self._may_end():
                break
            fired += activated or 0
            metrics.add(TICK_LAG, max(0.0, time.monotonic() - (due if failure is None else succeeded)) * 1000)
            # A tick that took too long is followed by the next one at once, not by those that were missed.
            due = max(due + self.interval.total_seconds(), time.monotonic())
            await asyncio.sleep(due - time.monotonic())
        await self.journal.drain(deadline.finish_by)
        if failure:
            raise failure
        return fired

    async def tick(self, deadline: Deadline) -> int | None:
        """Activate the orders whose prices are reached; returns how many, or None if nothing waits for anything."""
        switches = await self.triggers.tick()
        activated = await self._activate_reached(deadline)
        await self._expire(deadline)
        for account in switches.over:
            await self._apply_switch(account)
        if activated is None and switches.any:
            return 0
        return activated

    async def _activate_reached(self, deadline: Deadline) -> int | None:
        resting = await self.triggers.resting()
        if not resting:
            return None
        samples = await self.prices.samples({pair for pair, _ in resting})
        crossings = [
            crossing
            for pair, type_ in resting
            if pair in samples and (crossing := crossing_of(pair, type_, samples[pair]))
        ]
        return await self._activate(crossings, deadline) if crossings else 0

    async def _expire(self, deadline: Deadline) -> None:
        """Resting orders whose time is over."""
        while deadline.has_time:
            orders = await self.triggers.expire(limit=_AT_ONCE)
            self.journal.announce(map(latest_event, orders))
            for order in orders:
                log_transition(order)
            if len(orders) < _AT_ONCE:
                return

    async def _apply_switch(self, account: str) -> None:
        """One account's trouble must not hold up the others: what is left is done at the next tick."""
        try:
            cancelled = await self.canceller.cancel_all(account, _SWITCH_TIME_LIMIT)
            logger.warning("dead man's switch", extra={"account": account, "orders": len(cancelled.cancellations)})
            if cancelled.complete:
                await self.triggers.end_switch(account)
        except Exception:
            logger.exception("dead man's switch not applied", extra={"account": account})

    async def _may_end(self) -> bool:
        """What is placed from now on starts a trigger; what was placed before is seen here."""
        try:
            await self.triggers.fall_asleep()
            return not await self.triggers.waiting()
        except DatabaseUnavailable as error:
            logger.warning("not ended", extra=error_fields(error))
            return False

    async def _activate(self, crossings: Sequence[Crossing], deadline: Deadline) -> int:
        fired, sending = 0, set()
        try:
            while deadline.has_time:
                orders = await self.triggers.activate(crossings, watchdog=self.watchdog, limit=_AT_ONCE)
                self.journal.announce(map(latest_event, orders))
                metrics.add(ORDERS_TRIGGERED, len(orders))
                sending.add(asyncio.create_task(enqueue([order.id for order in orders], self.queue, self.orders)))
                fired += len(orders)
                if len(orders) < _AT_ONCE:
                    break
        finally:
            await asyncio.gather(*sending)
        return fired
