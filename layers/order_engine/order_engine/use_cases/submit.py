"""Accept orders: store them, then send those that can be executed to the queue."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from order_engine.domain.errors import (
    DatabaseUnavailable,
    EngineError,
    FieldError,
    IdempotencyConflict,
    InvalidRequest,
    OutcomeUnknown,
    Refusal,
)
from order_engine.domain.lifecycle import CLAIMS, RESTING
from order_engine.domain.orders import Lifetimes, NewOrder, Order, Placement
from order_engine.domain.triggers import Pair, PriceSample, check_price, is_reached
from order_engine.observability import error_fields, logger
from order_engine.observability.orders import log_accepted
from order_engine.use_cases.announce import publish
from order_engine.use_cases.enqueue import enqueue
from order_engine.use_cases.ports import Journal, Orders, PriceFeed, Queue
from order_engine.use_cases.wake import Waker


@dataclass(frozen=True, slots=True)
class Submission:
    """The order and how it was placed; `replayed` if it had been placed before with the same client order id."""

    placement: Placement
    replayed: bool

    @property
    def order(self) -> Order:
        """The order's current state."""
        return self.placement.order


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Accepts orders. The sweeper first checks after `watchdog`; `price_tolerance_bps`: see check_price."""

    orders: Orders
    queue: Queue
    journal: Journal
    prices: PriceFeed
    waker: Waker
    lifetimes: Lifetimes
    watchdog: timedelta
    price_tolerance_bps: int

    async def submit(self, new: NewOrder) -> Submission:
        """Place an order. Once stored, it will be executed even if it cannot be queued now.

        Raises InvalidRequest (it expires too soon or too late), PriceOutOfRange, DatabaseUnavailable (nothing was
        stored), OutcomeUnknown (it may have been) and IdempotencyConflict (the client order id belongs to another one).
        """
        (result,) = await self.submit_all([new])
        if isinstance(result, EngineError):
            raise result
        return result

    async def submit_all(self, new: Sequence[NewOrder]) -> Sequence[Submission | EngineError]:
        """Place orders of one account; returns for each, in order, its submission or why it was not placed.

        Raises DatabaseUnavailable (nothing was stored).
        """
        samples = await self._samples(new)
        results: dict[UUID, Submission | EngineError] = {}
        sound = []
        for order in new:
            try:
                sound.append(self._checked(order, samples.get(order.pair)))
            except EngineError as error:
                results[order.id] = error
        results |= await self._place(sound)
        # A repeat gets its order also if it would be refused now.
        doubtful = [order for order in new if order.id not in results or isinstance(results[order.id], Refusal)]
        results |= await self._repeated(doubtful, results)
        await self._enqueue([result.order for result in results.values() if isinstance(result, Submission)])
        # Not placed and not found: another order with this key has just been deleted, so the key can be used again.
        return [results.get(order.id, OutcomeUnknown()) for order in new]

    async def _samples(self, new: Sequence[NewOrder]) -> Mapping[Pair, PriceSample]:
        pairs = {order.pair for order in new if order.type.rests}
        return await self.prices.samples(pairs) if pairs else {}

    def _checked(self, order: NewOrder, sample: PriceSample | None) -> NewOrder:
        """The order to place: with its expiry, and with the current price if that activates it. Raises a Refusal."""
        now = datetime.now(UTC)
        if order.expires_at and (problem := self.lifetimes.problem_with(order.expires_at, now)):
            raise InvalidRequest([FieldError("expiresAt", problem)])
        if not order.type.rests:
            return order
        order = replace(order, expires_at=order.expires_at or now + self.lifetimes.resting)
        if sample is None:
            return order
        if not order.force:
            check_price(order.type, order.trigger_price, sample, self.price_tolerance_bps)
        return replace(order, triggered_by=sample) if is_reached(order.type, order.trigger_price, sample) else order

    async def _place(self, new: Sequence[NewOrder]) -> dict[UUID, Submission | EngineError]:
        try:
            placed = await self.orders.place(new, lifetime=self.lifetimes.market, watchdog=self.watchdog) if new else {}
        except DatabaseUnavailable as error:
            if not error.may_have_run:
                raise
            logger.warning("unknown whether orders were placed", extra={"orders": len(new), **error_fields(error)})
            return {order.id: OutcomeUnknown(order.id) for order in new}
        for placement in placed.values():
            log_accepted(placement.order)
        # The worker publishes the first events of the others, with its own.
        resting = [placement.first for placement in placed.values() if placement.order.status in RESTING]
        if resting:
            await self.waker.wake()
            await publish(resting, self.journal)
        return {order_id: Submission(placement, replayed=False) for order_id, placement in placed.items()}

    async def _repeated(
        self, new: Sequence[NewOrder], refused: Collection[UUID]
    ) -> dict[UUID, Submission | EngineError]:
        """Those that were placed before."""
        keys = {order.id: order.client_order_id for order in new if order.client_order_id}
        if not keys:
            return {}
        try:
            before = await self.orders.placed_before(new[0].account, set(keys.values()))
        except DatabaseUnavailable as error:
            return {order_id: error if order_id in refused else OutcomeUnknown() for order_id in keys}
        return {
            order.id: Submission(placement, replayed=True) if placement.is_repeated_by(order) else IdempotencyConflict()
            for order in new
            if (placement := before.get(keys.get(order.id, "")))
        }

    async def _enqueue(self, orders: Sequence[Order]) -> None:
        """Also repeats: the process that stored the order may have died before it queued it."""
        # Each once: a batch may name an order twice.
        ids = dict.fromkeys(order.id for order in orders if order.unattempted and order.status in CLAIMS)
        await enqueue(list(ids), self.queue, self.orders)
