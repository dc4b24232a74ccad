"""The transitions of an order. Each function returns the order as it is afterwards, for the journal to record."""

from dataclasses import replace
from datetime import timedelta

from order_engine.domain.errors import AttemptFailed, Failure
from order_engine.domain.facts import Facts
from order_engine.domain.lifecycle import TRANSITIONS, Status
from order_engine.domain.orders import Order
from order_engine.domain.routes import Route
from order_engine.domain.transactions import Fill, Transaction


def building(order: Order, route: Route) -> Order:
    """The best venue is chosen and its swap is being built."""
    return _transition(order, Status.BUILDING, Facts(route=route))


def submitted(order: Order, transaction: Transaction) -> Order:
    """The swap is signed but not sent yet. Recorded first, so that it can be looked up on the chain whatever happens.

    The journal rejects this transition once the order has expired.
    """
    facts = replace(order.facts, signature=transaction.signature, min_amount_out=transaction.min_amount_out)
    return _transition(replace(order, transaction=transaction), Status.SUBMITTED, facts)


def confirmed(order: Order, fill: Fill) -> Order:
    """The swap landed."""
    return _transition(order, Status.CONFIRMED, replace(order.facts, fill=fill))


def retried(order: Order, error: AttemptFailed, retry_in: timedelta) -> Order:
    """The attempt failed; another one follows after `retry_in` (whole seconds) at the earliest."""
    return _end_attempt(order, Status.PENDING, error, retry_in)


def rested(order: Order, error: AttemptFailed, pause: timedelta) -> Order:
    """The price is gone: the order waits for it again, for `pause` at least, and has all its attempts again."""
    order = replace(order, attempt=0, triggered_by=None, transaction=None)
    return _transition(order, Status.RESTING, Facts(terms=order.terms, failure=Failure.of(error), retry_in=pause))


def cancelled(order: Order, error: AttemptFailed) -> Order:
    """A cancellation was requested, and the attempt ended without a fill; `error` is the reason."""
    return _end_attempt(order, Status.CANCELLED, error)


def failed(order: Order, error: AttemptFailed) -> Order:
    """The order will not be filled."""
    return _end_attempt(order, Status.FAILED, error)


def expired(order: Order, error: AttemptFailed) -> Order:
    """The order has expired; `error` is the reason why it was not filled."""
    return _end_attempt(order, Status.EXPIRED, error)


def _end_attempt(order: Order, status: Status, error: AttemptFailed, retry_in: timedelta | None = None) -> Order:
    facts = replace(order.facts, failure=Failure.of(error), retry_in=retry_in)
    return _transition(replace(order, transaction=None), status, facts)


def _transition(order: Order, status: Status, facts: Facts) -> Order:
    if (order.status, status) not in TRANSITIONS:
        raise ValueError(f"an order cannot go from {order.status} to {status}")
    return replace(order, status=status, sequence=order.sequence + 1, facts=facts)
