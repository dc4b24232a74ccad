"""Decoding models from JSON, and encoding them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fake_engine import event, history, order, resting, rests
from order_client import Event, Failure, Order, PriceSample, ProtocolError, Quote, Route, Terms
from order_client.codec import decode, encode

ROUTE = {
    "venue": "raydium",
    "quotes": [
        {"venue": "raydium", "amountOut": "145.250000000000000001", "feeBps": "25"},
        {"venue": "meteora", "error": {"code": "venue_unavailable", "message": "unavailable"}},
    ],
}


def test_decode() -> None:
    step = decode(Event, {**event(3), "route": ROUTE})
    assert step.at == datetime(2026, 11, 21, 1, 46, 33, 648_000, UTC)
    assert step.route == Route(
        venue="raydium",
        quotes=(
            Quote(venue="raydium", amount_out=Decimal("145.250000000000000001"), fee_bps=Decimal(25)),
            Quote(venue="meteora", error=Failure(code="venue_unavailable", message="unavailable")),
        ),
    )


def test_encode_is_the_inverse_of_decode() -> None:
    document = order(3, route=ROUTE, amountOut="0.000000001", clientOrderId="mine")
    assert encode(decode(Order, document)) == document
    assert decode(Order, encode(decode(Order, history(5)))) == decode(Order, history(5))


def test_the_fields_of_orders_that_rest() -> None:
    sample = {"price": "151.2", "source": "raydium", "at": "2026-11-21T01:46:33.648Z"}
    document = resting(triggeredBy=sample, cancelRequested=True)
    decoded = decode(Order, document)
    assert (decoded.limit_price, decoded.stop_price, decoded.cancel_requested) == (Decimal(150), None, True)
    assert decoded.triggered_by == PriceSample(
        price=Decimal("151.2"), source="raydium", at=datetime(2026, 11, 21, 1, 46, 33, 648_000, UTC)
    )
    assert encode(decoded) == document
    assert not decode(Order, order(1)).cancel_requested
    terms = {"amount": "1", "triggerPrice": "150", "expiresAt": "2026-11-28T01:46:33.648Z"}
    assert decode(Event, rests(terms=terms)).terms == Terms(
        amount=Decimal(1), trigger_price=Decimal(150), expires_at=datetime(2026, 11, 28, 1, 46, 33, 648_000, UTC)
    )


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        {**event(1), "sequence": "1"},
        {**event(1), "terminal": 1},
        {**event(1), "at": "2026-11-21T01:46:33"},
        {**event(1), "at": None},
        {**event(1), "route": {"venue": "raydium", "quotes": {}, "x": 1}, "amountOut": "x"},
        {**event(1), "orderId": None},
    ],
)
def test_an_invalid_document_is_a_protocol_error(broken: Any) -> None:
    with pytest.raises(ProtocolError):
        decode(Event, broken)
