"""An order's facts as JSON: camelCase names, amounts as strings. Both clients and the database get this form."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from order_engine.domain.errors import Failure
from order_engine.domain.facts import Facts
from order_engine.domain.money import text
from order_engine.domain.routes import NoQuoteFrom, Quote, Route, Swap
from order_engine.domain.transactions import Fill
from order_engine.domain.triggers import PriceSample, Terms

Document = dict[str, Any]


def facts_document(facts: Facts) -> Document:
    """The facts that are known; the others are left out."""
    document: Document = {}
    if facts.terms:
        document["terms"] = terms_document(facts.terms)
    if facts.triggered_by:
        document["triggeredBy"] = sample_document(facts.triggered_by)
    if facts.route:
        document["route"] = route_document(facts.route)
    if facts.signature:
        document["txHash"] = facts.signature
    if facts.min_amount_out is not None:
        document["minAmountOut"] = text(facts.min_amount_out)
    if facts.fill:
        document["amountOut"] = text(facts.fill.amount_out)
        document["executedPrice"] = text(facts.fill.executed_price)
    if facts.failure:
        document["error"] = failure_document(facts.failure)
    if facts.retry_in is not None:
        document["retryInSeconds"] = int(facts.retry_in.total_seconds())
    if facts.cancel_requested:
        document["cancelRequested"] = True
    return document


def facts_of(document: Mapping[str, Any], swap: Swap) -> Facts:
    """The facts of an order that trades `swap`, from their document. Raises KeyError, ValueError or TypeError."""
    return Facts(
        terms=_terms(document["terms"]) if "terms" in document else None,
        triggered_by=sample_of(document["triggeredBy"]) if "triggeredBy" in document else None,
        route=_route(document["route"], swap) if "route" in document else None,
        signature=document.get("txHash"),
        min_amount_out=_decimal(document.get("minAmountOut")),
        fill=Fill(Decimal(document["amountOut"]), Decimal(document["executedPrice"]))
        if "amountOut" in document
        else None,
        failure=Failure(**document["error"]) if "error" in document else None,
        retry_in=timedelta(seconds=document["retryInSeconds"]) if "retryInSeconds" in document else None,
        cancel_requested=document.get("cancelRequested", False),
    )


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def terms_document(terms: Terms) -> Document:
    """What can be replaced in a resting order."""
    price = {} if terms.trigger_price is None else {"triggerPrice": text(terms.trigger_price)}
    return {"amount": text(terms.amount_in), **price, "expiresAt": timestamp(terms.expires_at)}


def sample_document(sample: PriceSample) -> Document:
    """A price, where it comes from, and when it was valid."""
    return {"price": text(sample.price), "source": sample.source, "at": timestamp(sample.at)}


def sample_of(document: Mapping[str, Any]) -> PriceSample:
    """The price sample in a document. Raises KeyError, ValueError or TypeError."""
    return PriceSample(Decimal(document["price"]), document["source"], datetime.fromisoformat(document["at"]))


def route_document(route: Route) -> Document:
    """The venue that was chosen, and each venue's answer, best first."""
    return {"venue": route.best.venue, "quotes": [_answer_document(answer) for answer in route.answers]}


def failure_document(failure: Failure) -> Document:
    """A failure: its stable code and a message."""
    return {"code": failure.code, "message": failure.message}


def _answer_document(answer: Quote | NoQuoteFrom) -> Document:
    if isinstance(answer, NoQuoteFrom):
        return {"venue": answer.venue, "error": failure_document(answer.failure)}
    return {
        "venue": answer.venue,
        "amountOut": text(answer.amount_out),
        "price": text(answer.price),
        "feeBps": text(answer.fee_bps),
        "priceImpactBps": text(answer.price_impact_bps),
    }


def _terms(document: Mapping[str, Any]) -> Terms:
    return Terms(
        Decimal(document["amount"]),
        _decimal(document.get("triggerPrice")),
        datetime.fromisoformat(document["expiresAt"]),
    )


def _route(document: Mapping[str, Any], swap: Swap) -> Route:
    answers = tuple(_answer(answer, swap) for answer in document["quotes"])
    best = next(answer for answer in answers if isinstance(answer, Quote) and answer.venue == document["venue"])
    return Route(best, answers)


def _answer(document: Mapping[str, Any], swap: Swap) -> Quote | NoQuoteFrom:
    if "error" in document:
        return NoQuoteFrom(document["venue"], Failure(**document["error"]))
    return Quote(
        venue=document["venue"],
        swap=swap,
        amount_out=Decimal(document["amountOut"]),
        fee_bps=Decimal(document["feeBps"]),
        price_impact_bps=Decimal(document["priceImpactBps"]),
    )


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
