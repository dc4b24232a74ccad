"""Response models: the source of OpenAPI's schemas. Tests validate every document against them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from order_engine.domain.lifecycle import Status
from order_engine.domain.triggers import OrderType

DecimalText = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", examples=["145.25"])]


class View(BaseModel):
    """camelCase on the wire; a field that is None is left out."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class ErrorView(View):
    """Why an attempt or the order failed."""

    code: str = Field(examples=["slippage_exceeded"])
    message: str


class QuoteView(View):
    """One venue's answer: a quote, net of fee and price impact, or the reason why there is none."""

    venue: str = Field(examples=["raydium"])
    amount_out: DecimalText | None = None
    price: Annotated[DecimalText, Field(description="tokenOut per tokenIn")] | None = None
    fee_bps: DecimalText | None = None
    price_impact_bps: DecimalText | None = None
    error: ErrorView | None = None


class RouteView(View):
    """The venue that was chosen, and every venue's answer, best first."""

    venue: str
    quotes: list[QuoteView]


class PriceSampleView(View):
    """The market's price at one moment, for a small amount, net of the fee."""

    price: Annotated[DecimalText, Field(description="tokenOut per tokenIn")]
    source: str = Field(examples=["raydium"])
    at: AwareDatetime


class TermsView(View):
    """What can be replaced in a resting order."""

    amount: DecimalText
    trigger_price: Annotated[DecimalText, Field(description="limitPrice or stopPrice")] | None = None
    expires_at: AwareDatetime


class Facts(View):
    """What is known about an order: each field is set at its event and kept until another attempt begins."""

    route: Annotated[RouteView, Field(description="Set from building on.")] | None = None
    triggered_by: Annotated[PriceSampleView, Field(description="The price that activated the order.")] | None = None
    tx_hash: Annotated[str, Field(description="Set from submitted on.")] | None = None
    min_amount_out: (
        Annotated[
            DecimalText,
            Field(description="The order's minimum; from submitted on, the signed minimum, which the chain enforces."),
        ]
        | None
    ) = None
    amount_out: Annotated[DecimalText, Field(description="Set at confirmed.")] | None = None
    executed_price: Annotated[DecimalText, Field(description="Set at confirmed; tokenOut per tokenIn.")] | None = None
    error: (
        Annotated[
            ErrorView,
            Field(description="Set at failed and expired, at pending before a retry, at resting after an attempt."),
        ]
        | None
    ) = None
    retry_in_seconds: (
        Annotated[int, Field(description="Set at pending before a retry and at resting after an attempt.")] | None
    ) = None
    cancel_requested: (
        Annotated[
            Literal[True],
            Field(
                description="A cancellation came too late; if the transaction does not land, the order ends cancelled."
            ),
        ]
        | None
    ) = None


class EventView(Facts):
    """One event of an order. Sequences count from 1 without gaps."""

    type: Literal["status"]
    order_id: UUID
    sequence: Annotated[int, Field(ge=1)]
    status: Status
    attempt: Annotated[int, Field(ge=0)]
    at: AwareDatetime
    terminal: bool
    terms: (
        Annotated[
            TermsView,
            Field(description="Set at resting, and at the first pending of an order that was activated at once."),
        ]
        | None
    ) = None


class AcceptedView(View):
    """An order as it was accepted. A repeat with the same key gets an identical document."""

    order_id: UUID
    client_order_id: str | None = None
    order_type: OrderType
    token_in: str
    token_out: str
    amount: DecimalText
    slippage_bps: int
    limit_price: Annotated[DecimalText, Field(description="Of a limit order; tokenOut per tokenIn.")] | None = None
    stop_price: Annotated[DecimalText, Field(description="Of a stop order; tokenOut per tokenIn.")] | None = None
    min_amount_out: Annotated[DecimalText, Field(description="If the order requests one.")] | None = None
    expires_at: Annotated[AwareDatetime, Field(description="An order not signed by then ends expired.")]
    created_at: AwareDatetime
    status: Status
    sequence: Annotated[int, Field(ge=1)]
    attempt: Annotated[int, Field(ge=0)]
    terminal: bool
    triggered_by: Annotated[PriceSampleView, Field(description="The price that activated the order.")] | None = None


class OrderView(Facts, AcceptedView):
    """The current state of an order."""

    updated_at: AwareDatetime


class BatchResultView(View):
    """The outcome for one order of a batch: the order as it was accepted, or why it was not."""

    order: AcceptedView | None = None
    replayed: Annotated[bool, Field(description="Placed before with the same client order id.")] | None = None
    problem: "ProblemView | None" = None


class BatchView(View):
    """The outcomes of a batch, in the order of the request."""

    results: list[BatchResultView]


class NotCancelledView(View):
    """An order that could not be cancelled, and why."""

    order_id: UUID
    code: str = Field(examples=["already_submitted"])


class CancelledView(View):
    """The outcome of cancelling many orders."""

    cancelled: list[UUID]
    not_cancelled: list[NotCancelledView]
    complete: Annotated[bool, Field(description="False if time was over before all were looked at: repeat the call.")]


class CancelAfterView(View):
    """When all open orders will be cancelled; null if that is switched off."""

    cancel_at: AwareDatetime | None


class CancelledFrameView(OrderView):
    """The reply to cancel: the cancelled order."""

    type: Literal["cancelled"]
    request_id: str | None = None


class HistoryView(OrderView):
    """The current state of an order, with its events, oldest first."""

    events: list[EventView]


class SnapshotView(HistoryView):
    """The reply to subscribe (to one order) and to execute: the current state of the order, with its events so far."""

    type: Literal["snapshot"]
    replayed: Annotated[bool, Field(description="After execute: placed before with the same key.")] | None = None
    request_id: str | None = None


class EventsView(View):
    """Events of any of the account's orders; those of one order are in sequence."""

    type: Literal["events"]
    events: list[EventView]


class SubscribedView(View):
    """The events of the account's orders are pushed from now on."""

    type: Literal["subscribed"]
    channel: Literal["account"]
    request_id: str | None = None


class UnsubscribedView(View):
    """The events of the order, or of the account's orders, are no longer pushed."""

    type: Literal["unsubscribed"]
    order_id: UUID | None = None
    channel: Literal["account"] | None = None
    request_id: str | None = None


class PongView(View):
    """The reply to ping."""

    type: Literal["pong"]
    request_id: str | None = None


class PageView(View):
    """A page of orders, newest first. `nextCursor` is null on the last page."""

    orders: list[OrderView]
    next_cursor: str | None


class QuotesView(RouteView):
    """Every venue's quote, best first, and the winner."""

    token_in: str
    token_out: str
    amount: DecimalText


class TokenView(View):
    """A token that can be traded."""

    symbol: str
    decimals: int
    mint: str


class TokensView(View):
    """The tokens that can be traded."""

    tokens: list[TokenView]


class HealthView(View):
    """The result of a successful health check."""

    status: Literal["ok"]


class FieldErrorView(View):
    """What is wrong with one field."""

    field: str
    message: str


class ProblemView(View):
    """RFC 9457. `code` is stable; `errors` names each wrong field, `orderId` an order that may have been placed."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldErrorView] | None = None
    order_id: Annotated[UUID, Field(description="With outcome_unknown.")] | None = None
    order: Annotated[OrderView, Field(description="With status 409: the order.")] | None = None
    market_price: Annotated[DecimalText, Field(description="With price_out_of_range.")] | None = None


class ErrorFrameView(View):
    """A message could not be processed; the connection stays open. `status` and `code` are those of the HTTP API."""

    type: Literal["error"]
    status: int
    code: str
    message: str
    errors: list[FieldErrorView] | None = None
    order_id: (
        Annotated[UUID, Field(description="After execute: the order that was, or may have been, placed.")] | None
    ) = None
    order: Annotated[OrderView, Field(description="With status 409: the order.")] | None = None
    market_price: Annotated[DecimalText, Field(description="With price_out_of_range.")] | None = None
    request_id: str | None = None


class GatewayFrameView(View):
    """Sent by API Gateway itself if the engine did not answer: the only frame without a `type`."""

    message: str
    connection_id: str
    request_id: str


class GatewayMessageView(View):
    """The response of API Gateway itself, before the engine is reached."""

    message: str
