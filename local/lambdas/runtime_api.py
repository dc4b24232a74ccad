"""The server side of the Lambda Runtime API; each execution environment has a path prefix of its own."""

import time
import uuid

from aiohttp import web

from local.lambdas.environment import Environment
from local.lambdas.invocation import PAYLOAD_LIMIT, Outcome, failure

_PREFIX = "/{environment}/2018-06-01/runtime"


class RuntimeApi:
    """Knows the living environments by their id and passes on what they ask and answer."""

    def __init__(self) -> None:
        self._environments: dict[str, Environment] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{_PREFIX}/invocation/next", self._next),
            web.post(f"{_PREFIX}/invocation/{{request_id}}/response", self._response),
            web.post(f"{_PREFIX}/invocation/{{request_id}}/error", self._error),
        ]

    def add(self, environment: Environment) -> None:
        self._environments[environment.id] = environment

    def remove(self, environment: Environment) -> None:
        self._environments.pop(environment.id, None)

    def _environment(self, request: web.Request) -> Environment:
        environment = self._environments.get(request.match_info["environment"])
        if environment is None:
            raise web.HTTPForbidden
        return environment

    async def _next(self, request: web.Request) -> web.Response:
        environment = self._environment(request)
        invocation = await environment.next_invocation()
        if invocation is None:
            raise web.HTTPForbidden
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": environment.function.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }
        return web.Response(body=invocation.payload, headers=headers, content_type="application/json")

    async def _response(self, request: web.Request) -> web.Response:
        payload = await request.read()
        outcome = Outcome(payload)
        if len(payload) > PAYLOAD_LIMIT:
            message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
            outcome = failure("Function.ResponseSizeTooLarge", message)
        return self._finish(request, outcome)

    async def _error(self, request: web.Request) -> web.Response:
        return self._finish(request, Outcome(await request.read(), failed=True))

    def _finish(self, request: web.Request, outcome: Outcome) -> web.Response:
        if not self._environment(request).finish(request.match_info["request_id"], outcome):
            return web.json_response({"errorType": "InvalidRequestID"}, status=400)
        return web.json_response({"status": "OK"}, status=202)
