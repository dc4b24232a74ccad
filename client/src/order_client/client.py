"""The client for asyncio; `Client` in blocking.py is its blocking counterpart."""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Self
from urllib.parse import quote as escaped
from uuid import uuid4

from order_client.account_stream import AccountStream
from order_client.codec import decode, encode
from order_client.endpoints import discover
from order_client.errors import ProtocolError
from order_client.http import Http
from order_client.models import Event, Order, Quotes, Token
from order_client.order_stream import OrderStream
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
        amount: Decimal | int | str,
        slippage_bps: int | None = None,
        client_order_id: str | None = None,
        *,
        min_amount_out: Decimal | int | str | None = None,
        expires_at: datetime | None = None,
    ) -> Order:
        """Place a market order that sells `amount` whole tokens of `token_in`.

        The fill is no less than `min_amount_out` whole tokens of `token_out`, and no further below its quote than
        `slippage_bps` (50 if neither is given). An order that is not signed by `expires_at`, which needs a time zone,
        expires; the engine's default is 5 minutes.

        A call without a response is retried; the client order id, generated if not given, keeps a retry from placing a
        second order. With your own id, repeating the call after any error or crash is just as safe and returns the
        first order as it was accepted. Raises ValidationFailed, IdempotencyConflict, and OutcomeUnknown if the order
        may have been placed although no attempt got a response.
        """
        client_order_id = client_order_id or uuid4().hex
        body = {
            "tokenIn": token_in,
            "tokenOut": token_out,
            "amount": _amount(amount),
            "slippageBps": slippage_bps,
            "minAmountOut": None if min_amount_out is None else _amount(min_amount_out),
            "expiresAt": None if expires_at is None else _time(expires_at),
            "clientOrderId": client_order_id,
        }
        body = {name: value for name, value in body.items() if value is not None}
        return decode(Order, await self._http.call("POST", "/api/orders/execute", body=body, places=client_order_id))

    async def get(self, order_id: str) -> Order:
        """One order with its events. Raises NotFound; ValidationFailed if `order_id` is not a valid id."""
        return decode(Order, await self._http.call("GET", f"/api/orders/{escaped(order_id, safe='')}"))

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

    async def quote(self, token_in: str, token_out: str, amount: Decimal | int | str) -> Quotes:
        """Every venue's current quote for the swap. Raises ValidationFailed, also if no venue trades the pair."""
        query = {"tokenIn": token_in, "tokenOut": token_out, "amount": _amount(amount)}
        return decode(Quotes, await self._http.call("GET", "/api/quotes", query=query))

    async def tokens(self) -> tuple[Token, ...]:
        """The tokens that can be traded."""
        document = await self._http.call("GET", "/api/tokens")
        return tuple(decode(Token, token) for token in _field(document, "tokens"))

    def stream(self, order_id: str, after_sequence: int = 0) -> AsyncGenerator[Event]:
        """The order's events after a sequence number, each once and in order, as they happen, until the order ends.

        Reconnects and resumes after the last event. Raises NotFound; Unreachable when no connection can be made.
        """
        return OrderStream(self._open, order_id, after_sequence, self._retries.quiet, Backoff(self._retries)).events()

    def stream_account(self, on_subscribed: Callable[[], None] | None = None) -> AsyncGenerator[Event]:
        """Every order's events from now on, endlessly; reconnects as often as necessary.

        After a lost connection it fills in the missed events of the orders known to be unfinished. `on_subscribed` is
        called when the engine has confirmed a subscription, at first and after every reconnect.
        """
        return AccountStream(self._open, self.get, self._retries.quiet, Backoff(self._retries), on_subscribed).events()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _amount(amount: Decimal | int | str) -> str:
    """The amount in plain digits. Raises TypeError for a float, which has already lost the exact amount."""
    if isinstance(amount, float):
        raise TypeError("an amount is a Decimal, an int or a str, never a float")
    return format(amount, "f") if isinstance(amount, Decimal) else str(amount)


def _time(at: datetime) -> str:
    """The time as sent on the wire. Raises ValueError if it has no time zone."""
    if at.tzinfo is None:
        raise ValueError("a time needs a time zone, such as datetime.now(UTC) has")
    return str(encode(at))


def _field(document: object, name: str) -> Any:
    if not isinstance(document, dict) or name not in document:
        raise ProtocolError(f"The answer has no {name}.")
    return document[name]
