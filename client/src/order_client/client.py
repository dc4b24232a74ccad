"""The client for asyncio; `Client` in blocking.py is its blocking counterpart."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Self
from urllib.parse import quote as escaped

from order_client.account_stream import AccountStream
from order_client.batches import place_all
from order_client.codec import decode
from order_client.endpoints import discover
from order_client.errors import OrderEngineError, ProtocolError
from order_client.http import Http
from order_client.models import Cancelled, Event, NotCancelled, Order, Quotes, Status, Token
from order_client.order_stream import OrderStream
from order_client.requests import ExactNumber, NewOrder, exact, new_order_body, replacement_body
from order_client.retries import Backoff, RetryPolicy
from order_client.socket import open_socket

_PAGE = 100  # the API's maximum page size


class AsyncClient:
    """A client for one account. Every method raises OrderEngineError, see errors.py.

    Arguments that are not given are looked up as endpoints.py describes.
    """

    def __init__(
        self,
        url: str | None = None,
        ws_url: str | None = None,
        key: str | None = None,
        profile: str | None = None,
        retries: RetryPolicy | None = None,
    ) -> None:
        self.endpoints = discover(url, ws_url, key, profile)
        self._retries = retries or RetryPolicy()
        self._http = Http(self.endpoints, self._retries)
        self._open = partial(open_socket, self.endpoints, self._retries.timeout)

    async def submit(  # noqa: PLR0913 - one parameter per order field
        self,
        token_in: str,
        token_out: str,
        amount: ExactNumber,
        slippage_bps: int | None = None,
        client_order_id: str | None = None,
        *,
        order_type: str | None = None,
        limit_price: ExactNumber | None = None,
        stop_price: ExactNumber | None = None,
        min_amount_out: ExactNumber | None = None,
        expires_at: datetime | None = None,
        force: bool = False,
    ) -> Order:
        """Place an order that sells `amount` whole tokens of `token_in`.

        Without a price it is a market order, which is executed at once. Prices are in tokens of `token_out` per token
        of `token_in`, net of fees. With a `limit_price` the order rests until the market pays it, and is never filled
        for less; with a `stop_price` it rests until the market's price has fallen to it. With "sniper" as its
        `order_type` it rests until a venue lists the pair. `force` places it although its price is out of range.

        The fill is no less than `min_amount_out` whole tokens of `token_out`, and no further below its quote than
        `slippage_bps` (50 if neither `min_amount_out` nor `limit_price` is given). An order that is not signed by
        `expires_at`, which needs a time zone, expires; the engine's default is 5 minutes for market orders and 7 days
        for others.

        A call without a response is retried; the client order id, generated if not given, keeps a retry from placing a
        second order. With your own id, repeating the call after any error or crash is just as safe and returns the
        first order as it was accepted. Raises ValidationFailed, PriceOutOfRange, IdempotencyConflict, and
        OutcomeUnknown if the order may have been placed although no attempt got a response; ValueError when both
        prices are given.
        """
        order = NewOrder(
            token_in,
            token_out,
            amount,
            slippage_bps,
            client_order_id,
            order_type=order_type,
            limit_price=limit_price,
            stop_price=stop_price,
            min_amount_out=min_amount_out,
            expires_at=expires_at,
            force=force,
        )
        body = new_order_body(order)
        placed = await self._http.call("POST", "/api/orders/execute", body=body, places=body["clientOrderId"])
        return decode(Order, placed)

    async def submit_many(self, orders: Sequence[NewOrder]) -> tuple[Order | OrderEngineError, ...]:
        """Place orders, up to 100 per call; returns for each, in order, the order or the error that `submit` raises.

        One order's error does not affect the others, and no error is raised except for an order that cannot be sent
        (ValueError, TypeError); then none is sent. As with `submit`, retries place no order twice. When no retry is
        left, the orders that have not been sent yet are not sent.
        """
        bodies = [new_order_body(order) for order in orders]
        return await place_all(self._http, bodies, Backoff(self._retries))

    async def get(self, order_id: str) -> Order:
        """One order with its events. Raises NotFound; ValidationFailed if `order_id` is not a valid id."""
        return decode(Order, await self._http.call("GET", _path(order_id)))

    async def cancel(self, order_id: str) -> Order:
        """Cancel an order; returns it, also if it had been cancelled before.

        Raises NotFound; AlreadyFinished if it has ended otherwise; and AlreadySubmitted if its transaction may still
        land: then it ends cancelled unless it is filled. Safe to repeat, so a call without a response is retried.
        """
        return decode(Order, await self._http.call("DELETE", _path(order_id)))

    async def cancel_all(
        self, status: str | None = None, token_in: str | None = None, token_out: str | None = None
    ) -> Cancelled:
        """Cancel all open orders, or those with this status, that sell `token_in`, that buy `token_out`.

        Calls the engine until it has looked at every order. Safe to repeat, so a call without a response is retried;
        the orders that were cancelled by such a call are not in the result.
        """
        query = {"status": status, "tokenIn": token_in, "tokenOut": token_out}
        query = {name: value for name, value in query.items() if value is not None}
        cancelled: list[str] = []
        left: dict[str, NotCancelled] = {}
        complete = False
        while not complete:
            document = await self._http.call("DELETE", "/api/orders", query=query)
            done = decode(Cancelled, document)
            cancelled += done.cancelled
            left |= {order.order_id: order for order in done.not_cancelled}
            complete = _field(document, "complete")
        return Cancelled(cancelled=tuple(cancelled), not_cancelled=tuple(left.values()))

    async def replace(  # noqa: PLR0913 - one parameter per term
        self,
        order_id: str,
        *,
        limit_price: ExactNumber | None = None,
        stop_price: ExactNumber | None = None,
        amount: ExactNumber | None = None,
        expires_at: datetime | None = None,
        force: bool = False,
    ) -> Order:
        """Give a resting order other terms; those that are not given stay. It keeps its id and returns with the terms.

        Raises NotFound, ValidationFailed, PriceOutOfRange and NotResting. Safe to repeat, so a call without a response
        is retried; if the order was activated in between, the `order` of NotResting shows whether it has the new terms.
        """
        body = replacement_body(limit_price, stop_price, amount, expires_at, force)
        return decode(Order, await self._http.call("PATCH", _path(order_id), body=body))

    async def cancel_after(self, seconds: int) -> datetime | None:
        """Have all open orders cancelled in so many seconds (at most 3600), unless this is called again before.

        A dead man's switch, to be renewed while your program is healthy: 0 switches it off. Returns the time of the
        cancellation, None when switched off. Orders whose transaction may still land by then end cancelled unless they
        are filled. Safe to repeat, so a call without a response is retried; the last repeat counts.
        """
        document = await self._http.call("POST", "/api/orders/cancel-after", body={"seconds": seconds})
        cancel_at = _field(document, "cancelAt")
        return None if cancel_at is None else decode(datetime, cancel_at)

    async def list(self, status: str | None = None, limit: int | None = None) -> AsyncGenerator[Order]:
        """Orders, newest first, read page by page: all of them, or the first `limit`."""
        left = limit
        query: dict[str, Any] = {"status": status} if status else {}
        while left is None or left > 0:
            query["limit"] = _PAGE if left is None else min(left, _PAGE)
            page = await self._http.call("GET", "/api/orders", query=query)
            for document in _field(page, "orders"):
                yield decode(Order, document)
            query["cursor"] = _field(page, "nextCursor")
            if query["cursor"] is None:
                return
            left = None if left is None else left - query["limit"]

    async def quote(self, token_in: str, token_out: str, amount: ExactNumber) -> Quotes:
        """Every venue's current quote for the swap. Raises ValidationFailed, also if no venue trades the pair."""
        query = {"tokenIn": token_in, "tokenOut": token_out, "amount": exact(amount)}
        return decode(Quotes, await self._http.call("GET", "/api/quotes", query=query))

    async def tokens(self) -> tuple[Token, ...]:
        """The tokens that can be traded."""
        document = await self._http.call("GET", "/api/tokens")
        return tuple(decode(Token, token) for token in _field(document, "tokens"))

    def stream(self, order_id: str, after_sequence: int = 0) -> AsyncGenerator[Event]:
        """The order's events after a sequence number, each once and in order, as they happen, until the order ends.

        Reconnects and resumes after the last event: as often as necessary while the order rests, which may take days.
        Raises NotFound; Unreachable when no connection can be made.
        """
        return OrderStream(self._open, order_id, after_sequence, self._retries.quiet, Backoff(self._retries)).events()

    def stream_account(self, on_subscribed: Callable[[], None] | None = None) -> AsyncGenerator[Event]:
        """Every order's events from now on, endlessly; reconnects as often as necessary.

        After a lost connection it fills in the missed events of the orders known to be unfinished. `on_subscribed` is
        called when the engine has confirmed a subscription, at first and after every reconnect.
        """
        resting = partial(self.list, Status.RESTING)
        backoff = Backoff(self._retries)
        return AccountStream(self._open, self.get, resting, self._retries.quiet, backoff, on_subscribed).events()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _path(order_id: str) -> str:
    return f"/api/orders/{escaped(order_id, safe='')}"


def _field(document: object, name: str) -> Any:
    if not isinstance(document, dict) or name not in document:
        raise ProtocolError(f"The answer has no {name}.")
    return document[name]
