"""Lambda authorizers of the HTTP API, with their cache."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.lambdas.invocation import Outcome
from localcloud.lambdas.pool import FunctionPool
from localcloud.template.model import HttpAuthorizer

_CACHE_SIZE = 10_000


class AuthorizerError(Exception):
    """The authorizer failed or did not return a simple response."""


@dataclass(frozen=True)
class Decision:
    """What an authorizer decided."""

    allowed: bool
    context: dict[str, Any]


class Authorizer:
    """Invokes the function, and caches its decision per identity."""

    def __init__(self, authorizer: HttpAuthorizer, pool: FunctionPool) -> None:
        self._seconds = authorizer.cache_seconds
        self._pool = pool
        self._cache: OrderedDict[tuple[str, ...], tuple[float, asyncio.Task[Decision]]] = OrderedDict()

    async def decide(self, identity: list[str], event: Callable[[], dict[str, Any]]) -> Decision:
        """Whether the caller is authorized, and the authorizer's context.

        Raises:
            AuthorizerError: the authorizer did not return a decision.
        """
        if not self._seconds:
            return await self._ask(event())
        key = tuple(identity)
        expires, asked = self._cache.get(key, (0.0, None))
        if asked is None or time.monotonic() >= expires or (asked.done() and asked.exception()):
            # Requests that arrive while the function runs wait for the same decision.
            asked = asyncio.create_task(self._ask(event()))
            self._cache[key] = (time.monotonic() + self._seconds, asked)
            self._cache.move_to_end(key)
            if len(self._cache) > _CACHE_SIZE:
                self._cache.popitem(last=False)
        return await asyncio.shield(asked)

    async def _ask(self, event: dict[str, Any]) -> Decision:
        outcome: Outcome = await self._pool.invoke(json.dumps(event).encode())
        answer = None if outcome.failed else outcome.json()
        if not isinstance(answer, dict) or not isinstance(answer.get("isAuthorized"), bool):
            raise AuthorizerError
        return Decision(answer["isAuthorized"], answer.get("context") or {})
