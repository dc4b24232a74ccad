"""The last resort for orders whose messages ended up in the dead-letter queue."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from order_engine.domain.claims import Claim, Decision
from order_engine.domain.errors import EngineError
from order_engine.domain.orders import Order
from order_engine.observability import error_fields, logger
from order_engine.use_cases.announce import announce
from order_engine.use_cases.deadline import Deadline
from order_engine.use_cases.ports import Confirmations, Journal, Orders, Queue
from order_engine.use_cases.settle import Settler


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome for a batch of order ids: settled, or not an order. All others must be tried again later."""

    settled: set[UUID]
    unknown: set[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterHandler:
    """Requeues orders that can still be executed and finishes those that cannot."""

    orders: Orders
    journal: Journal
    queue: Queue
    confirmations: Confirmations
    settler: Settler

    async def settle(self, ids: Collection[UUID], time_limit: timedelta) -> Settlement:
        """Settle these orders concurrently, for at most `time_limit`. Raises DatabaseUnavailable."""
        deadline = Deadline.after(time_limit)
        claims = await self.orders.examine(ids, max_attempts=self.settler.retries.max_attempts)
        await announce(claims, self.orders, self.journal)
        unknown = {claim.order_id for claim in claims if claim.decision is Decision.UNKNOWN}
        known = {claim.order_id: self._settled(claim) for claim in claims if claim.order_id not in unknown}
        results = await deadline.results(known)
        await self.journal.drain(deadline.finish_by)
        return Settlement({order_id for order_id, settled in results.items() if settled}, unknown)

    async def _settled(self, claim: Claim) -> bool:
        about = {"order_id": str(claim.order_id), "decision": claim.decision}
        try:
            settled = await self._settle(claim)
        except EngineError as error:
            logger.warning("dead letter not settled yet", extra=about | error_fields(error))
            return False
        except Exception:
            logger.exception("dead letter not settled", extra=about)  # the other orders are unaffected
            return False
        logger.info("dead letter settled" if settled else "dead letter not settled yet", extra=about)
        return settled

    async def _settle(self, claim: Claim) -> bool:
        match claim:
            case Claim(decision=Decision.FINISHED | Decision.RESTING):
                pass
            case Claim(decision=Decision.CLAIMABLE):
                # The message's receives were used up by crashes and duplicates, not by attempts.
                await self.queue.send(claim.order_id)
            case Claim(decision=Decision.NOT_YET, back_in=timedelta() as back_in):
                await self.queue.send(claim.order_id, back_in)
            case Claim(decision=Decision.IN_FLIGHT):
                await self.confirmations.send([claim.order_id], timedelta())
            case Claim(decision=Decision.EXHAUSTED, order=Order() as order):
                await self.settler.fail_exhausted(order)
            case Claim(decision=Decision.OVERDUE, order=Order() as order):
                await self.settler.expire(order)
            case Claim(decision=Decision.CANCEL_REQUESTED, order=Order() as order):
                await self.settler.cancel(order)
            case _:  # a worker holds the lease, or this release cannot read the order
                return False
        return True
