"""Validation of clients' requests."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from order_engine.contracts.json_text import parse
from order_engine.contracts.requests import (
    ListOrders,
    OrderPath,
    Ping,
    PlaceOrder,
    Subscribe,
    Trade,
    Unsubscribe,
    target_of,
)
from order_engine.domain.errors import InvalidJson, InvalidRequest

ORDER_ID = "8d4fb2f8-61a0-4ef1-8853-eefc2237853d"

ORDER = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": Decimal(1)}


@pytest.mark.parametrize(
    ("amount", "exact"),
    [("1", "1"), ("1000", "1000"), ("0.123456789", "0.123456789"), ('"1.5"', "1.5"), ("1e3", "1000"), ("1.0", "1.0")],
)
def test_amounts_are_parsed_exactly(amount: str, exact: str) -> None:
    new = PlaceOrder.of(parse(f'{{"tokenIn":"SOL","tokenOut":"USDC","amount":{amount}}}')).new_order("alice")
    assert new.amount_in == Decimal(exact)
    assert new.slippage_bps == 50


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"amount": Decimal(0)}, "amount", "greater than 0"),
        ({"amount": Decimal(-1)}, "amount", "greater than 0"),
        ({"amount": Decimal("1e400")}, "amount", "less than 10^20"),
        ({"amount": Decimal("1e20")}, "amount", "less than 10^20"),
        ({"amount": Decimal("0.1234567891")}, "amount", "at most 9 decimals"),
        ({"amount": "NaN"}, "amount", "must be a number"),
        ({"amount": "Infinity"}, "amount", "must be a number"),
        ({"amount": "many"}, "amount", "must be a number"),
        ({"amount": "-1"}, "amount", "must be a number"),
        ({"amount": "\u0661"}, "amount", "must be a number"),
        ({"amount": True}, "amount", "must be a number"),
        ({"amount": None}, "amount", "must be a number"),
        ({"amount": [1]}, "amount", "must be a number"),
        ({"tokenIn": "DOGE"}, "tokenIn", "must be one of SOL"),
        ({"tokenIn": "sol"}, "tokenIn", "must be one of SOL"),
        ({"tokenIn": 5}, "tokenIn", "must be one of SOL"),
        ({"tokenOut": "SOL"}, "tokenOut", "must differ"),
        ({"slippageBps": Decimal(-1)}, "slippageBps", "greater than or equal to 0"),
        ({"slippageBps": Decimal(10_001)}, "slippageBps", "less than or equal to 10000"),
        ({"slippageBps": Decimal("0.5")}, "slippageBps", "valid integer"),
        ({"slippageBps": Decimal("1e999")}, "slippageBps", "valid integer"),
        ({"slippageBps": "50"}, "slippageBps", "valid integer"),
        ({"clientOrderId": ""}, "clientOrderId", "1 to 128 printable"),
        ({"clientOrderId": "k" * 129}, "clientOrderId", "1 to 128 printable"),
        ({"clientOrderId": "two words"}, "clientOrderId", "1 to 128 printable"),
        ({"clientOrderId": "line\n"}, "clientOrderId", "1 to 128 printable"),
        ({"clientOrderId": 7}, "clientOrderId", "valid string"),
        ({"token_in": "SOL"}, "token_in", "not a known field"),
        ({"price": Decimal(1)}, "price", "not a known field"),
    ],
)
def test_an_invalid_field_is_named_in_the_error(changes: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        PlaceOrder.of({**ORDER, **changes}).new_order("alice")
    (error,) = refused.value.errors
    assert error.field == field
    assert message in error.message


@pytest.mark.parametrize("missing", ["tokenIn", "tokenOut", "amount"])
def test_a_missing_field_is_named_in_the_error(missing: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        PlaceOrder.of({name: value for name, value in ORDER.items() if name != missing})
    assert [(error.field, error.message) for error in refused.value.errors] == [(missing, "is required")]


def test_all_errors_are_reported_at_once() -> None:
    with pytest.raises(InvalidRequest) as refused:
        PlaceOrder.of({"tokenIn": "DOGE", "amount": "x"})
    assert {error.field for error in refused.value.errors} == {"tokenIn", "tokenOut", "amount"}


@pytest.mark.parametrize("document", [None, [], "text", Decimal(1), True])
def test_a_request_must_be_a_json_object(document: object) -> None:
    with pytest.raises(InvalidRequest, match="must be a JSON object"):
        PlaceOrder.of(document)


@pytest.mark.parametrize("body", ["", "{", "nonsense", '{"amount": NaN}', '{"amount": -Infinity}', "[" * 100_000, "\0"])
def test_invalid_json_is_rejected(body: str) -> None:
    with pytest.raises(InvalidJson, match="not valid JSON"):
        parse(body)


def test_a_number_with_thousands_of_digits_is_rejected() -> None:
    with pytest.raises(InvalidRequest, match="less than 10"):
        PlaceOrder.of(parse(f'{{"tokenIn":"SOL","tokenOut":"USDC","amount":{"9" * 5000}}}')).new_order("alice")


@pytest.mark.parametrize("key", ["", "k" * 10_000, "a b", "ü", "a\tb"])
def test_an_invalid_idempotency_key_is_rejected(key: str) -> None:
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        PlaceOrder.of(ORDER).new_order("alice", key)


def test_the_idempotency_key_header_is_equivalent_to_the_client_order_id() -> None:
    assert PlaceOrder.of(ORDER).new_order("alice", "key").client_order_id == "key"
    assert PlaceOrder.of({**ORDER, "clientOrderId": "key"}).new_order("alice").client_order_id == "key"
    assert PlaceOrder.of({**ORDER, "clientOrderId": "key"}).new_order("alice", "key").client_order_id == "key"
    with pytest.raises(InvalidRequest, match="must equal the Idempotency-Key"):
        PlaceOrder.of({**ORDER, "clientOrderId": "key"}).new_order("alice", "other")


@pytest.mark.parametrize("order_id", ["", "1", "not-a-uuid", f"{{{ORDER_ID}}}", ORDER_ID.replace("-", ""), 5, None])
def test_an_order_id_must_be_a_uuid(order_id: object) -> None:
    with pytest.raises(InvalidRequest, match="must be an order's id"):
        OrderPath.of({"orderId": order_id})


@pytest.mark.parametrize(
    ("query", "field"),
    [({"limit": "0"}, "limit"), ({"limit": "101"}, "limit"), ({"limit": "x"}, "limit"), ({"status": "done"}, "status")],
)
def test_invalid_queries_are_rejected(query: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ListOrders.of(query)
    assert refused.value.errors[0].field == field


def test_query_parameters_are_parsed_from_text() -> None:
    assert ListOrders.of({"limit": "5", "status": "failed"}).limit == 5
    assert Trade.of({"tokenIn": "SOL", "tokenOut": "USDC", "amount": "0.5"}).swap().amount_in == Decimal("0.5")


def test_a_subscription_is_either_to_an_order_or_to_the_account() -> None:
    order_id = uuid4()
    assert target_of(Subscribe.of({"orderId": str(order_id)})) == order_id
    assert target_of(Subscribe.of({"action": "subscribe", "channel": "account"})) is None
    for neither_or_both in ({}, {"orderId": str(order_id), "channel": "account"}):
        with pytest.raises(InvalidRequest, match="either an orderId or the channel"):
            target_of(Unsubscribe.of({"action": "unsubscribe", **neither_or_both}))


@pytest.mark.parametrize("after", [Decimal(-1), Decimal("1.5"), Decimal("1e300"), "1", Decimal(2**31)])
def test_after_sequence_must_be_a_non_negative_integer(after: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Subscribe.of({"orderId": ORDER_ID, "afterSequence": after})
    assert refused.value.errors[0].field == "afterSequence"


def test_a_ping_has_no_further_fields() -> None:
    assert Ping.of({"action": "ping"}).request_id is None
    with pytest.raises(InvalidRequest):
        Ping.of({"action": "ping", "x": 1})
