"""Replace the price, amount or expiry of a resting order."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from order_engine.domain.errors import DatabaseUnavailable, FieldError, InvalidRequest, NotResting, OrderNotFound
from order_engine.domain.lifecycle import RESTING
from order_engine.domain.money import problem_with
from order_engine.domain.orders import Lifetimes, Order, latest_event
from order_engine.domain.triggers import OrderType, Replacement, Terms, check_price
from order_engine.use_cases.announce import publish
from order_engine.use_cases.deadline import Deadline
from order_engine.use_cases.ports import Journal, Orders, PriceFeed


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacer:
    """Gives resting orders other terms, and publishes the events. `price_tolerance_bps`: see check_price."""

    orders: Orders
    journal: Journal
    prices: PriceFeed
    lifetimes: Lifetimes
    price_tolerance_bps: int

    async def replace(self, account: str, order_id: UUID, wanted: Replacement, time_limit: timedelta) -> Order:
        """Change what `wanted` names; returns the order. It stays unchanged if it has these terms already.

        Raises OrderNotFound, NotResting, InvalidRequest, PriceOutOfRange, DatabaseUnavailable (also if others keep
        changing the order for `time_limit`).
        """
        deadline = Deadline.after(time_limit)
        while deadline.has_time:
            history = await self.orders.get(account, order_id)
            if history is None:
                raise OrderNotFound()
            order = history.order
            if order.status not in RESTING or order.expires_at <= datetime.now(UTC):
                raise NotResting(order=order)
            terms = self._terms(order, wanted)
            if terms == order.terms:
                return order
            if not wanted.force and terms.trigger_price != order.trigger_price:
                await self._check_price(order, terms)
            replaced = await self.orders.replace(order, terms)
            if replaced:
                await publish([latest_event(replaced)], self.journal)
                return replaced
            # Triggered, cancelled or replaced since it was read: decide again.
        raise DatabaseUnavailable("The order keeps changing; try again.")

    def _terms(self, order: Order, wanted: Replacement) -> Terms:
        errors = []
        for field, price, type_ in (
            ("limitPrice", wanted.limit_price, OrderType.LIMIT),
            ("stopPrice", wanted.stop_price, OrderType.STOP),
        ):
            if price is not None and order.type is not type_:
                errors.append(FieldError(field, f"is not a field of a {order.type} order"))
        if wanted.amount_in is not None and order.min_amount_out is not None:
            # The minimum is for the whole amount: with another amount it would protect from nothing, or from any fill.
            errors.append(FieldError("amount", "cannot be changed, because the order has a minAmountOut"))
        elif wanted.amount_in is not None and (problem := problem_with(wanted.amount_in, order.swap.token_in)):
            errors.append(FieldError("amount", problem))
        if wanted.expires_at and (problem := self.lifetimes.problem_with(wanted.expires_at, datetime.now(UTC))):
            errors.append(FieldError("expiresAt", problem))
        if errors:
            raise InvalidRequest(errors)
        price = wanted.limit_price if order.type is OrderType.LIMIT else wanted.stop_price
        return Terms(
            order.amount_in if wanted.amount_in is None else wanted.amount_in,
            order.trigger_price if price is None else price,
            wanted.expires_at or order.expires_at,
        )

    async def _check_price(self, order: Order, terms: Terms) -> None:
        sample = (await self.prices.samples([order.pair])).get(order.pair)
        if sample:
            check_price(order.type, terms.trigger_price, sample, self.price_tolerance_bps)
