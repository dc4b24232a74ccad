"""The last resort for orders whose messages ended up in the dead-letter queue."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from order_engine.domain.errors import EngineError
from order_engine.domain.orders import History
from order_engine.observability import because, logger
from order_engine.use_cases.ports import Journal, Orders, Queue
from order_engine.use_cases.reconcile import reconcile
from order_engine.venues.protocol import Chain


@dataclass(frozen=True, slots=True)
class Burial:
    """What became of a batch of order ids: settled, or no order at all. The rest is to be tried again later."""

    settled: set[UUID]
    unknown: set[UUID]


@dataclass(frozen=True, slots=True)
class Undertaker:
    """Sends back what can still be executed and finishes what cannot."""

    orders: Orders
    journal: Journal
    queue: Queue
    chain: Chain
    max_attempts: int

    async def bury(self, ids: Collection[UUID]) -> Burial:
        """Take care of these orders. Raises DatabaseUnavailable."""
        histories = await self.orders.histories(ids)
        settled = {history.order.id for history in histories if await self._take_care(history)}
        await self.journal.drain()
        return Burial(settled, set(ids) - {history.order.id for history in histories})

    async def _take_care(self, history: History) -> bool:
        order = history.order
        about = {"order_id": str(order.id), "status": order.status, "attempt": order.attempt}
        self.journal.announce(history.events)
        try:
            if order.terminal:
                logger.info("dead letter of a finished order", extra=about)
                return True
            if order.leased:
                logger.info("dead letter of an order that a worker has", extra=about)
                return False
            if order.attempt < self.max_attempts:
                # Its receives were used up by crashes, not by attempts.
                await self.queue.send(order.id)
                logger.warning("dead letter sent back: it has attempts left", extra=about)
            else:
                await reconcile(order, self.journal, self.chain)
        except EngineError as error:
            logger.warning("not buried yet", extra=about | because(error))
            return False
        return True
