"""The bodies of requests. Numbers are exact, times have a time zone, and fields that are not given are left out."""

from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from order_client.codec import encode
from order_client.models import OrderType

ExactNumber = Decimal | int | str
"""Never a float, which has already lost the exact number."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to place with `submit_many`; the fields are the parameters of `submit`."""

    token_in: str
    token_out: str
    amount: ExactNumber
    slippage_bps: int | None = None
    client_order_id: str | None = None
    _: KW_ONLY
    order_type: str | None = None
    """Implied by the price: only "sniper" has to be given."""
    limit_price: ExactNumber | None = None
    stop_price: ExactNumber | None = None
    min_amount_out: ExactNumber | None = None
    expires_at: datetime | None = None
    force: bool = False


def new_order_body(order: NewOrder) -> dict[str, Any]:
    """The request for an order, with a new client order id if it has none.

    Raises TypeError for a float; ValueError for a time without a time zone, and for two prices.
    """
    return _given(
        tokenIn=order.token_in,
        tokenOut=order.token_out,
        amount=exact(order.amount),
        orderType=_type(order),
        limitPrice=exact(order.limit_price),
        stopPrice=exact(order.stop_price),
        slippageBps=order.slippage_bps,
        minAmountOut=exact(order.min_amount_out),
        expiresAt=_time(order.expires_at),
        force=order.force or None,
        clientOrderId=order.client_order_id or uuid4().hex,
    )


def replacement_body(
    limit_price: ExactNumber | None,
    stop_price: ExactNumber | None,
    amount: ExactNumber | None,
    expires_at: datetime | None,
    force: bool,
) -> dict[str, Any]:
    """The request for other terms. Raises TypeError for a float, ValueError for a time without a time zone."""
    return _given(
        limitPrice=exact(limit_price),
        stopPrice=exact(stop_price),
        amount=exact(amount),
        expiresAt=_time(expires_at),
        force=force or None,
    )


def exact(number: ExactNumber | None) -> str | None:
    """The number in plain digits. Raises TypeError for a float."""
    if isinstance(number, float):
        raise TypeError("an amount or a price is a Decimal, an int or a str, never a float")
    if isinstance(number, Decimal):
        return format(number, "f")
    return None if number is None else str(number)


def _type(order: NewOrder) -> str | None:
    if order.limit_price is not None and order.stop_price is not None:
        raise ValueError("an order has either a limit_price or a stop_price")
    if order.order_type:
        return order.order_type
    if order.limit_price is not None:
        return OrderType.LIMIT
    return None if order.stop_price is None else OrderType.STOP


def _time(at: datetime | None) -> str | None:
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError("a time needs a time zone, such as datetime.now(UTC) has")
    return str(encode(at))


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
