"""Calls to the HTTP API. Every call is safe to repeat, so a call without a response is retried."""

from collections.abc import Mapping
from typing import Any

import httpx

from order_client.endpoints import Endpoints
from order_client.errors import OutcomeUnknown, ProtocolError, Unreachable
from order_client.problems import error_in_response, outcome_unknown
from order_client.retries import WORTH_A_RETRY, Backoff, RetryPolicy

_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)


class Http:
    """A pool of connections to the HTTP API."""

    def __init__(self, endpoints: Endpoints, retries: RetryPolicy) -> None:
        headers = {"Authorization": f"Bearer {endpoints.key}"} if endpoints.key else {}
        self._retries = retries
        self._client = httpx.AsyncClient(
            base_url=endpoints.url or "",
            headers=headers,
            timeout=retries.timeout,
            # The caller limits the concurrency; waiting for a free connection here would look like an outage.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        places: str | None = None,
    ) -> Any:
        """The JSON response. Raises ApiError when refused, Unreachable when there is no response, ProtocolError.

        `places`: the client order id of the order that this call places. Raises OutcomeUnknown when no retry is left
        and one of the attempts may have placed the order.
        """
        backoff = Backoff(self._retries)
        unknown: OutcomeUnknown | None = None
        while True:
            try:
                return await self.attempt(method, path, query=query, body=body)
            except WORTH_A_RETRY as error:
                if places and unknown is None:
                    unknown = outcome_unknown(error, places)
                await backoff.wait(error, last=unknown)

    async def attempt(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """The JSON response to a call that is not retried. Raises ApiError, Unreachable, ProtocolError."""
        try:
            response = await self._client.request(method, path, params=query, json=body)
        except httpx.TransportError as error:
            if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
                raise ProtocolError(f"{self._client.base_url} cannot be called: {error}") from error
            message = f"{self._client.base_url} does not answer: {error or type(error).__name__}"
            raise Unreachable(message, sent=not isinstance(error, _NOT_CONNECTED)) from error
        except httpx.InvalidURL as error:
            raise ProtocolError(f"{path} cannot be called: {error}") from error
        if response.status_code >= 400:
            raise error_in_response(response)
        try:
            return response.json()
        except ValueError as error:
            raise ProtocolError(f"{response.url} did not answer with JSON.") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
