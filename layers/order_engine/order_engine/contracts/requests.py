"""The requests of clients. Anything invalid raises InvalidRequest, which names every invalid field."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from order_engine.domain.errors import FieldError, InvalidRequest
from order_engine.domain.lifecycle import TERMINAL, Status
from order_engine.domain.money import problem_with, problem_with_price
from order_engine.domain.orders import NewOrder
from order_engine.domain.routes import Swap
from order_engine.domain.tokens import TOKENS
from order_engine.domain.triggers import OrderType, Replacement
from order_engine.order_ids import new_order_id

_DIGITS = re.compile(r"\d{1,60}(\.\d{1,60})?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_SLIPPAGE_BPS = 50
_ANY_SLIPPAGE_BPS = 10_000
_MOST_ERRORS = 20  # named in one response: a message of 128 kB can have ten thousand


def _exact_amount(value: object) -> Decimal:
    """A JSON number (as parsed by contracts.json_text) or a string of plain digits; never a float."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return Decimal(value)
    raise PydanticCustomError("amount", "must be a number, or a string of digits such as '0.5'")


def _exact_price(value: object) -> Decimal:
    price = _exact_amount(value)
    if problem := problem_with_price(price):
        raise PydanticCustomError("price", "{problem}", {"problem": problem})
    return price


def _known_token(value: object) -> str:
    if isinstance(value, str) and value in TOKENS:
        return value
    raise PydanticCustomError("token", "must be one of {tokens}", {"tokens": ", ".join(TOKENS)})


def _open_status(value: Status) -> Status:
    if value in TERMINAL:
        raise PydanticCustomError("status", "must be the status of open orders")
    return value


def _whole_number(value: object) -> object:
    """JSON has no integers: 50.0 is 50."""
    if (
        isinstance(value, Decimal)
        and value.is_finite()
        and value.adjusted() < 20
        and value == value.to_integral_value()
    ):
        return int(value)
    return value


def _plain_number(value: object) -> int:
    """A number in a query string is text; pydantic would also accept ' 5', '+5', '5.0' and '1_0'."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    raise PydanticCustomError("whole_number", "must be a whole number")


def _uuid(value: object) -> UUID:
    """A UUID in its canonical form; Python's own parser accepts many others."""
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    raise PydanticCustomError("uuid", "must be an order's id, a UUID")


def _timestamp(value: object) -> datetime:
    """RFC 3339, truncated to the millisecond, as in responses."""
    if isinstance(value, str) and _TIMESTAMP.fullmatch(value):
        try:
            at = datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        else:
            return at.replace(microsecond=at.microsecond // 1000 * 1000)
    raise PydanticCustomError("timestamp", "must be a time such as '2026-01-31T12:00:00Z'")


def _exact_schema(description: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1e20},
                {"type": "string", "pattern": r"^[0-9]{1,20}(\.[0-9]{1,18})?$"},
            ],
            "description": description,
        }
    )


Amount = Annotated[
    Decimal,
    BeforeValidator(_exact_amount),
    _exact_schema("In whole tokens, with at most as many decimals as the token has. Never rounded."),
]
Price = Annotated[
    Decimal,
    BeforeValidator(_exact_price),
    _exact_schema("Tokens out per token in, net of fees, with at most 18 decimals."),
]
TokenSymbol = Annotated[str, BeforeValidator(_known_token), WithJsonSchema({"type": "string", "enum": list(TOKENS)})]
SlippageBps = Annotated[int, Field(strict=True, ge=0, le=10_000), BeforeValidator(_whole_number)]
Sequence = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1), BeforeValidator(_whole_number)]
Timestamp = Annotated[datetime, BeforeValidator(_timestamp), WithJsonSchema({"type": "string", "format": "date-time"})]
OpenStatus = Annotated[Status, AfterValidator(_open_status)]
PageSize = Annotated[int, Field(ge=1, le=100), BeforeValidator(_plain_number)]
ClientOrderId = Annotated[str, StringConstraints(strict=True, pattern=r"^[\x21-\x7e]{1,128}$")]
OrderId = Annotated[UUID, BeforeValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
RequestId = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=128)]


class Request(BaseModel):
    """A request: camelCase on the wire, unknown fields are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    @classmethod
    def of(cls, document: object) -> Self:
        """Validate a parsed JSON document (or the parameters of a query). Raises InvalidRequest."""
        if not isinstance(document, Mapping):
            raise InvalidRequest([FieldError("", "must be a JSON object")])
        try:
            return cls.model_validate(dict(document))
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False, include_input=False)
            raise InvalidRequest([_field_error(details) for details in errors[:_MOST_ERRORS]]) from None


class Trade(Request):
    """The tokens and the amount of a swap."""

    token_in: TokenSymbol
    token_out: TokenSymbol
    amount: Amount

    def swap(self) -> Swap:
        """The requested swap. Raises InvalidRequest if the fields, each valid, do not go together."""
        if self.token_in == self.token_out:
            raise InvalidRequest([FieldError("tokenOut", "must differ from tokenIn")])
        token_in = TOKENS[self.token_in]
        if problem := problem_with(self.amount, token_in):
            raise InvalidRequest([FieldError("amount", problem)])
        return Swap(token_in, TOKENS[self.token_out], self.amount)


class PlaceOrder(Trade):
    """An order. `slippageBps`, `minAmountOut` and `limitPrice` each set a minimum payout; the highest one applies."""

    order_type: Annotated[
        OrderType,
        Field(
            description="market: executed at once. limit: once the market pays limitPrice, and never for less."
            " stop: once the price has fallen to stopPrice. sniper: once a venue lists the pair."
        ),
    ] = OrderType.MARKET
    limit_price: Annotated[Price, Field(description="Of a limit order.")] | None = None
    stop_price: Annotated[Price, Field(description="Of a stop order.")] | None = None
    force: Annotated[bool, Field(strict=True, description="Place it although the price makes no sense now.")] = False
    slippage_bps: Annotated[
        SlippageBps,
        Field(
            description="How far the fill may be below its quote, in 1/100 %."
            " Default with minAmountOut or limitPrice: 10000."
        ),
    ] = _SLIPPAGE_BPS
    min_amount_out: Annotated[Amount, Field(description="Minimum fill, in whole tokens of tokenOut.")] | None = None
    expires_at: (
        Annotated[
            Timestamp,
            Field(
                description="An order not signed by then ends expired."
                " Default: in 5 minutes for market orders, in 7 days for others."
            ),
        ]
        | None
    ) = None
    client_order_id: ClientOrderId | None = None

    def new_order(self, account: str, idempotency_key: str | None = None) -> NewOrder:
        """The order to place. `idempotency_key` is another way to pass the client order id. Raises InvalidRequest."""
        swap = self.swap()
        if self.min_amount_out is not None and (problem := problem_with(self.min_amount_out, swap.token_out)):
            raise InvalidRequest([FieldError("minAmountOut", problem)])
        trigger_price = self._trigger_price()
        has_minimum = self.min_amount_out is not None or self.limit_price is not None
        floored = has_minimum and "slippage_bps" not in self.model_fields_set
        return NewOrder(
            id=new_order_id(),
            account=account,
            token_in=swap.token_in.symbol,
            token_out=swap.token_out.symbol,
            amount_in=swap.amount_in,
            slippage_bps=_ANY_SLIPPAGE_BPS if floored else self.slippage_bps,
            min_amount_out=self.min_amount_out,
            expires_at=self.expires_at,
            client_order_id=_client_order_id(idempotency_key, self.client_order_id),
            type=self.order_type,
            trigger_price=trigger_price,
            force=self.force,
        )

    def _trigger_price(self) -> Decimal | None:
        errors = []
        for field, price, type_ in (
            ("limitPrice", self.limit_price, OrderType.LIMIT),
            ("stopPrice", self.stop_price, OrderType.STOP),
        ):
            if self.order_type is type_ and price is None:
                errors.append(FieldError(field, f"is required for a {type_} order"))
            if self.order_type is not type_ and price is not None:
                errors.append(FieldError(field, f"is only for {type_} orders; orderType is {self.order_type}"))
        if errors:
            raise InvalidRequest(errors)
        return self.limit_price if self.order_type is OrderType.LIMIT else self.stop_price


class PlaceOrders(Request):
    """A batch of orders. Each is checked and placed on its own."""

    orders: Annotated[
        list[Any],
        Field(
            min_length=1,
            max_length=100,
            description="Bodies as of POST /api/orders/execute.",
            json_schema_extra={"items": {"$ref": "#/components/schemas/PlaceOrder"}},
        ),
    ]


class ReplaceOrder(Request):
    """Other terms for a resting order: at least one. Fields that are not given stay as they are."""

    limit_price: Price | None = None
    stop_price: Price | None = None
    amount: Amount | None = None
    expires_at: Timestamp | None = None
    force: Annotated[bool, Field(strict=True, description="Change the price although it makes no sense now.")] = False

    def replacement(self) -> Replacement:
        """What to replace. Raises InvalidRequest if there is nothing."""
        if not self.model_fields_set - {"force"}:
            raise InvalidRequest([FieldError("", "name at least one of limitPrice, stopPrice, amount, expiresAt")])
        return Replacement(
            limit_price=self.limit_price,
            stop_price=self.stop_price,
            amount_in=self.amount,
            expires_at=self.expires_at,
            force=self.force,
        )


class CancelOrders(Request):
    """The query of DELETE /api/orders: which of the open orders; all if nothing is given."""

    status: OpenStatus | None = None
    token_in: TokenSymbol | None = None
    token_out: TokenSymbol | None = None


class CancelAfter(Request):
    """Cancel all open orders unless this is repeated within so many seconds; 0 switches it off."""

    seconds: Annotated[int, Field(strict=True, ge=0, le=3600), BeforeValidator(_whole_number)]


class Cancel(Request):
    """Cancel an order on the WebSocket."""

    action: Literal["cancel"]
    order_id: OrderId
    request_id: RequestId | None = None


class OrderPath(Request):
    """The path of one order."""

    order_id: OrderId


class ListOrders(Request):
    """The query of GET /api/orders."""

    status: Status | None = None
    limit: PageSize = 50
    cursor: str | None = None


class Subscribe(Request):
    """Subscribe to one order (`{"orderId"}` alone is enough) or, with `channel`, to all of the account's."""

    action: Literal["subscribe"] = "subscribe"
    order_id: OrderId | None = None
    channel: Literal["account"] | None = None
    after_sequence: Sequence = 0
    request_id: RequestId | None = None


class Unsubscribe(Request):
    """End a subscription, to one order or to the account."""

    action: Literal["unsubscribe"]
    order_id: OrderId | None = None
    channel: Literal["account"] | None = None
    request_id: RequestId | None = None


class Execute(PlaceOrder):
    """Place an order on the WebSocket and subscribe to it."""

    action: Literal["execute"]
    request_id: RequestId | None = None


class Ping(Request):
    """Keep the WebSocket open."""

    action: Literal["ping"]
    request_id: RequestId | None = None


def target_of(request: Subscribe | Unsubscribe) -> UUID | None:
    """The order's id, or None for the account. Raises InvalidRequest unless exactly one of the two is given."""
    if (request.order_id is None) == (request.channel is None):
        raise InvalidRequest([FieldError("orderId", "give either an orderId or the channel 'account'")])
    return request.order_id


def _client_order_id(header: str | None, field: str | None) -> str | None:
    if header is None:
        return field
    if not re.fullmatch(r"[\x21-\x7e]{1,128}", header):
        raise InvalidRequest(
            [FieldError("Idempotency-Key", "must be 1 to 128 printable ASCII characters without spaces")]
        )
    if field not in (None, header):
        raise InvalidRequest([FieldError("clientOrderId", "must equal the Idempotency-Key when both are given")])
    return header


_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_pattern_mismatch": "must be 1 to 128 printable ASCII characters without spaces",
}


def _field_error(details: Mapping[str, Any]) -> FieldError:
    field = ".".join(str(part) for part in details["loc"])
    message = _MESSAGES.get(details["type"], details["msg"])
    return FieldError(field[:100], message.replace("Input should be", "must be").replace("Value error, ", ""))
