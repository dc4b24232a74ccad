"""One event loop per execution environment, reused by its invocations because open connections are bound to it."""

import asyncio
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` to completion on the environment's event loop."""
    # Not asyncio.Runner: setting and resetting its signal handler each time costs more than a small invocation's work.
    return _loop().run_until_complete(work)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
