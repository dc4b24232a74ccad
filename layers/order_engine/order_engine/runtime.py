"""One event loop per execution environment, kept from invocation to invocation: connections live in it."""

import asyncio
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` to its end on the environment's loop."""
    # Not asyncio.Runner: its signal handler, set and reset each time, costs more than a small invocation's own work.
    return _loop().run_until_complete(work)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
