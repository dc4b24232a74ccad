"""Where a process spends its CPU: stacks taken at every few milliseconds of CPU time, counted by whose code it is.

A profiler that is called at every function call makes small functions look expensive; a sampler does not.
"""

import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from typing import Any

_INTERVAL_SECONDS = 0.002
_OWNERS = (
    ("/order_engine/venues/mock/", "mocked market"),
    ("/order_engine/", "our code"),
    ("/functions/", "our code"),
    ("/psycopg", "psycopg"),
    ("/botocore/", "botocore"),
    ("/urllib3/", "urllib3"),
    ("/aws_lambda_powertools/", "powertools"),
    ("/pydantic", "pydantic"),
    ("/asyncio/", "asyncio"),
)


class Sampler:
    """Counts samples by owner and by innermost function of our own, between `start` and `stop`."""

    def __init__(self) -> None:
        self.owners: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()

    def start(self) -> None:
        """Take samples from now on.

        Only the main thread can be looked at when a signal comes, so what is meant for other threads runs in it too.
        """
        ThreadPoolExecutor.submit = _inline  # type: ignore[method-assign] # for the whole process
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL_SECONDS, _INTERVAL_SECONDS)

    def stop(self) -> None:
        """Take no more."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        owner, function = _owner(frame)
        self.owners[owner] += 1
        self.functions[f"{owner}: {function}"] += 1


def _inline(_pool: Any, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(function(*arguments, **named))
    except BaseException as error:
        future.set_exception(error)
    return future


def _owner(frame: FrameType | None) -> tuple[str, str]:
    """Whose time it is: the innermost frame's that is of a package, of our code or of asyncio, and its function."""
    while frame:
        file = frame.f_code.co_filename
        for part, owner in _OWNERS:
            if part in file:
                return owner, f"{file.rpartition('/')[2]} {frame.f_code.co_name}"
        frame = frame.f_back
    return "other", ""
