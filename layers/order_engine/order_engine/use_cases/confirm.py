"""Settle orders whose transactions are in flight, hundreds of them with one call to the chain."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from order_engine.domain.claims import Claim, Decision
from order_engine.domain.errors import DatabaseUnavailable, Fenced
from order_engine.domain.orders import Order
from order_engine.domain.transactions import InFlight
from order_engine.observability import error_fields, logger
from order_engine.use_cases.announce import announce
from order_engine.use_cases.deadline import Deadline
from order_engine.use_cases.ports import Confirmations, Journal, Orders, Queue
from order_engine.use_cases.settle import Ended, Settler

Result = Ended | InFlight


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmer:
    """Records what landed, queues failed orders for their next attempt, and checks the rest again after `interval`.

    No lease is needed: two confirmers of the same order write the same transition, and the journal accepts one of them.
    """

    orders: Orders
    journal: Journal
    queue: Queue
    confirmations: Confirmations
    settler: Settler
    interval: timedelta

    async def confirm(self, ids: Collection[UUID], time_limit: timedelta) -> None:
        """Check these orders once, for at most `time_limit`.

        Orders that were not settled in time, or that the orders queue did not accept, are checked again after
        `interval`. Raises DatabaseUnavailable and QueueUnavailable: then all of them must be checked again.
        """
        deadline = Deadline.after(time_limit)
        claims = await self.orders.examine(ids, max_attempts=self.settler.retries.max_attempts)
        await announce([claim for claim in claims if claim.decision is Decision.FINISHED], self.orders, self.journal)
        for claim in claims:
            if claim.decision is Decision.UNKNOWN:
                logger.error("unknown order", extra={"order_id": str(claim.order_id)})
        in_flight = [claim.order for claim in claims if claim.decision is Decision.IN_FLIGHT and claim.order]
        results = await deadline.results({order.id: self._settled(order) for order in in_flight})
        await self.journal.drain(deadline.publish_by)  # so that events are pushed in order
        remaining = [order.id for order in in_flight if not isinstance(results.get(order.id), Ended)]
        remaining += await self._send_retries(claims, results)
        if remaining:
            await self.confirmations.send(remaining, self.interval)
        await self.journal.drain(deadline.finish_by)

    async def _send_retries(self, claims: Sequence[Claim], results: Mapping[UUID, Result]) -> list[UUID]:
        """Queue the next attempts; returns the orders that the queue did not accept."""
        waits = {order_id: result.retry_in for order_id, result in results.items() if isinstance(result, Ended)}
        # An earlier confirmer may have died between recording the retry and queueing it.
        waits |= {
            claim.order_id: claim.back_in or timedelta()
            for claim in claims
            if claim.decision in (Decision.CLAIMABLE, Decision.NOT_YET)
        }
        by_seconds: dict[int, list[UUID]] = defaultdict(list)
        for order_id, wait in waits.items():
            if wait is not None:
                by_seconds[math.ceil(wait.total_seconds())].append(order_id)
        taken = {
            order_id
            for seconds, ids in by_seconds.items()
            for order_id in await self.queue.send_all(ids, timedelta(seconds=seconds))
        }
        return [order_id for ids in by_seconds.values() for order_id in ids if order_id not in taken]

    async def _settled(self, order: Order) -> Result:
        logger.thread_safe_append_keys(order_id=str(order.id))  # for this task only: each has its own context
        try:
            return await self.settler.settle(order)
        except Fenced as error:
            logger.info("settled elsewhere, or a cancellation was requested", extra=error_fields(error))
            return InFlight.IN_FLIGHT  # the next check finds out
        except DatabaseUnavailable as error:
            logger.warning("unknown whether the order is settled", extra=error_fields(error))
            return InFlight.IN_FLIGHT  # the next check finds out
        except Exception:
            logger.exception("not settled")  # the other orders are unaffected; the sweeper requeues this one
        return Ended()
