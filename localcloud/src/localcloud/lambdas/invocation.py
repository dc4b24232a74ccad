"""One invocation of a function and its outcome."""

import asyncio
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of a synchronous request or response (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of an invocation: the function's JSON, or an error document when `failed`."""

    payload: bytes
    failed: bool = False

    def json(self) -> Any:
        return json.loads(self.payload)

    @property
    def error_message(self) -> str:
        """The `errorMessage` of a failed invocation."""
        document = self.json()
        return str(document.get("errorMessage", "")) if isinstance(document, dict) else ""


def failure(kind: str, message: str) -> Outcome:
    """An outcome with an error as Lambda reports it."""
    return Outcome(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


class ThrottledError(Exception):
    """No execution environment became free in time (Lambda's TooManyRequestsException)."""


@dataclass
class Invocation:
    """A payload for an execution environment, its deadline and its outcome."""

    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    deadline: float = 0.0
    outcome: "asyncio.Future[Outcome]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def start(self, timeout: float) -> None:
        self.deadline = time.time() + timeout

    def finish(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)
