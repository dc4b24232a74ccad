"""Lambda's own API, as far as functions that invoke functions need it: Invoke."""

from collections.abc import Mapping

from aiohttp import web

from localcloud.lambdas.pool import FunctionPool


class InvokeApi:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, synchronous."""

    def __init__(self) -> None:
        self._pools: Mapping[str, FunctionPool] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/2015-03-31/functions/{name}/invocations", self._invoke)]

    def serve(self, pools: Mapping[str, FunctionPool]) -> None:
        """Sets the pools that can be invoked."""
        self._pools = pools

    async def _invoke(self, request: web.Request) -> web.Response:
        pool = self._pools.get(request.match_info["name"])
        if pool is None:
            raise web.HTTPNotFound
        outcome = await pool.invoke(await request.read(), timeout=None)
        headers = {"X-Amz-Function-Error": "Unhandled"} if outcome.failed else {}
        return web.Response(body=outcome.payload, headers=headers, content_type="application/json")
