"""One event loop per execution environment, kept from invocation to invocation: connections live in it."""

import asyncio
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` to its end on the environment's loop."""
    return _runner().run(work)


@cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()
