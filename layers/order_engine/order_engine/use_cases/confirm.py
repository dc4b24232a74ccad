"""Settle orders whose transactions are in flight: hundreds with one look at the chain."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from order_engine.domain.claims import Decision
from order_engine.domain.errors import DatabaseUnavailable, Fenced
from order_engine.domain.orders import Order
from order_engine.domain.transactions import InFlight
from order_engine.observability import because, logger
from order_engine.use_cases.announce import announce
from order_engine.use_cases.ports import Confirmations, Journal, Orders, Queue
from order_engine.use_cases.settle import Ended, Settler


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmer:
    """Records what landed, sends what failed to its next attempt, and looks again at the rest after `interval`.

    It needs no lease: two confirmers of one order write the same move, and the guard lets one through.
    """

    orders: Orders
    journal: Journal
    queue: Queue
    confirmations: Confirmations
    settler: Settler
    interval: timedelta

    async def confirm(self, ids: Collection[UUID]) -> None:
        """Look at these orders once. Raises DatabaseUnavailable and QueueUnavailable: then look at them again."""
        claims = await self.orders.examine(ids, max_attempts=self.settler.retries.max_attempts)
        await announce([claim for claim in claims if claim.decision is Decision.FINISHED], self.orders, self.journal)
        for claim in claims:
            if claim.decision is Decision.UNKNOWN:
                logger.error("there is no such order", extra={"order_id": str(claim.order_id)})
        in_flight = [claim.order for claim in claims if claim.decision is Decision.IN_FLIGHT and claim.order]
        results = await asyncio.gather(*map(self._settled, in_flight))
        await self.journal.drain()
        remaining = [order.id for order, result in zip(in_flight, results, strict=True) if isinstance(result, InFlight)]
        if remaining:
            await self.confirmations.send(remaining, self.interval)
        for claim in claims:
            # The confirmer before may have ended between recording the retry and sending it.
            if claim.decision in (Decision.CLAIMABLE, Decision.NOT_YET):
                await self.queue.send(claim.order_id, claim.back_in or timedelta())
        for order, result in zip(in_flight, results, strict=True):
            if isinstance(result, DatabaseUnavailable):
                raise result
            if isinstance(result, Ended) and result.retry_in is not None:
                await self.queue.send(order.id, result.retry_in)

    async def _settled(self, order: Order) -> Ended | InFlight | DatabaseUnavailable:
        logger.thread_safe_append_keys(order_id=str(order.id))  # of this task: each has a context of its own
        try:
            return await self.settler.settle(order)
        except Fenced as error:
            logger.info("settled by another", extra=because(error))
        except DatabaseUnavailable as error:
            return error
        except Exception:
            logger.exception("not settled")  # it costs no other order anything; the sweeper brings it back
        return Ended()
