"""The one way to move an order on: each function gives the transition that records a step, with its public facts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from order_engine.domain.errors import AttemptFailed
from order_engine.domain.money import text
from order_engine.domain.orders import Order
from order_engine.domain.routes import NoQuoteFrom, Quote, Route
from order_engine.domain.statuses import MOVES, Status
from order_engine.domain.transactions import Fill, Transaction


@dataclass(frozen=True, slots=True)
class Transition:
    """A move to be recorded: the order as it will then stand. It holds if nobody has moved the order meanwhile."""

    order: Order
    fill: Fill | None = None
    retry_in: float | None = None


def building(order: Order, route: Route) -> Transition:
    """The best venue is chosen and its swap is being built."""
    return Transition(_moved(order, Status.BUILDING, {"route": route_details(route)}))


def submitted(order: Order, transaction: Transaction) -> Transition:
    """The swap is signed, not sent yet: recorded first, so that whoever comes later can ask the chain about it."""
    facts = {**order.details, "txHash": transaction.signature, "minAmountOut": text(transaction.min_amount_out)}
    return Transition(replace(_moved(order, Status.SUBMITTED, facts), transaction=transaction))


def confirmed(order: Order, fill: Fill) -> Transition:
    """The swap landed."""
    facts = {**order.details, "amountOut": text(fill.amount_out), "executedPrice": text(fill.executed_price)}
    return Transition(_moved(order, Status.CONFIRMED, facts), fill=fill)


def retried(order: Order, error: AttemptFailed, retry_in: float) -> Transition:
    """The attempt failed; another follows in `retry_in` seconds."""
    facts = {**_without_error(order), "error": error_details(error), "retryInSeconds": retry_in}
    return Transition(replace(_moved(order, Status.PENDING, facts), transaction=None), retry_in=retry_in)


def failed(order: Order, error: AttemptFailed) -> Transition:
    """The order will not be filled."""
    facts = {**_without_error(order), "error": error_details(error)}
    return Transition(replace(_moved(order, Status.FAILED, facts), transaction=None))


def route_details(route: Route) -> dict[str, Any]:
    """The route as clients see it: the winner and each venue's answer, best first."""
    return {"venue": route.best.venue, "quotes": [_answer_details(answer) for answer in route.answers]}


def error_details(error: AttemptFailed) -> dict[str, str]:
    """The error as clients see it."""
    return {"code": error.code, "message": error.message}


def _answer_details(answer: Quote | NoQuoteFrom) -> dict[str, Any]:
    if isinstance(answer, NoQuoteFrom):
        return {"venue": answer.venue, "error": error_details(answer.error)}
    return {
        "venue": answer.venue,
        "amountOut": text(answer.amount_out),
        "price": text(answer.price),
        "feeBps": text(answer.fee_bps),
        "priceImpactBps": text(answer.price_impact_bps),
    }


def _without_error(order: Order) -> dict[str, Any]:
    return {fact: value for fact, value in order.details.items() if fact not in ("error", "retryInSeconds")}


def _moved(order: Order, status: Status, details: Mapping[str, Any]) -> Order:
    if (order.status, status) not in MOVES:
        raise ValueError(f"an order cannot go from {order.status} to {status}")
    return replace(order, status=status, sequence=order.sequence + 1, details=details)
