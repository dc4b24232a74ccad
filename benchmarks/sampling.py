"""Where a process spends its CPU time: samples its stack every 2 ms of CPU time and counts by owner of the code.

A profiler that runs at every function call makes small functions look expensive; a sampler does not.
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
    """Counts samples by owner and by the owner's innermost function, between `start` and `stop`."""

    def __init__(self) -> None:
        self.owners: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()

    def start(self) -> None:
        """Start taking samples.

        A signal handler sees only the main thread's stack, so work for thread pools runs in the main thread, too.
        """
        ThreadPoolExecutor.submit = _inline  # type: ignore[method-assign] # for the whole process
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL_SECONDS, _INTERVAL_SECONDS)

    def stop(self) -> None:
        """Stop taking samples."""
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
    """The owner and the function of the innermost frame whose file matches `_OWNERS`; "other" if none does."""
    while frame:
        file = frame.f_code.co_filename
        for part, owner in _OWNERS:
            if part in file:
                return owner, f"{file.rpartition('/')[2]} {frame.f_code.co_name}"
        frame = frame.f_back
    return "other", ""
