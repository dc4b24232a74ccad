"""Serves the HTTP API: routes, authorizes, invokes and responds."""

import asyncio
import json
from collections.abc import Mapping

from aiohttp import web

from localcloud.http_api.authorizer import Authorizer, AuthorizerError
from localcloud.http_api.cors import Cors
from localcloud.http_api.events import api_event, authorizer_event, identity_values, new_request_id
from localcloud.http_api.responses import message, to_response
from localcloud.http_api.routing import Match, Router
from localcloud.lambdas.invocation import PAYLOAD_LIMIT, ThrottledError
from localcloud.lambdas.pool import FunctionPool
from localcloud.template.model import HttpApi

BODY_LIMIT = 10 * 1024 * 1024
_INTEGRATION_SECONDS = 30


class HttpApiServer:
    """Handles the requests to the HTTP API."""

    def __init__(self, api: HttpApi, pools: Mapping[str, FunctionPool]) -> None:
        self._api = api
        self._pools = pools
        self._router = Router(api.routes)
        self._authorizers = {
            name: Authorizer(authorizer, pools[authorizer.function]) for name, authorizer in api.authorizers.items()
        }
        self._cors = Cors(api.cors) if api.cors is not None else None

    async def handle(self, request: web.Request) -> web.Response:
        """Handles any request to the API."""
        request["id"] = new_request_id()
        preflight = self._cors.preflight(request) if self._cors else None
        response = preflight or await self._answer(request)
        response.headers["Apigw-Requestid"] = request["id"]
        if self._cors and not preflight:
            self._cors.add_headers(request, response)
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        match = self._router.match(request.method, request.rel_url.raw_path)
        if match is None:
            return message(404, "Not Found")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return message(413, "Request Entity Too Large")
        try:
            async with asyncio.timeout(_INTEGRATION_SECONDS):
                return await self._authorize_and_invoke(match, request, body)
        except (TimeoutError, ThrottledError):
            return message(503, "Service Unavailable")
        except AuthorizerError:
            return message(500, "Internal Server Error")

    async def _authorize_and_invoke(self, match: Match, request: web.Request, body: bytes) -> web.Response:
        event = api_event(self._api, match.route, request, match.parameters, body)
        if match.route.authorizer is not None:
            identity = identity_values(self._api.authorizers[match.route.authorizer], request)
            if identity is None:
                return message(401, "Unauthorized")
            decision = await self._authorizers[match.route.authorizer].decide(
                identity, lambda: authorizer_event(self._api, match.route, request, match.parameters, identity)
            )
            if not decision.allowed:
                return message(403, "Forbidden")
            event["requestContext"]["authorizer"] = {"lambda": decision.context}
        payload = json.dumps(event).encode()
        if len(payload) > PAYLOAD_LIMIT:
            return message(413, "Request Entity Too Large")
        return to_response(await self._pools[match.route.function].invoke(payload))
