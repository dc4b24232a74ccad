"""Whether this machine's processors are saturated."""

import time
from collections.abc import Callable

import psutil

_SAMPLE_SECONDS = 0.1  # over a shorter time, the figure would be noise
_STALE_SECONDS = 1.0
_SATURATED_PERCENT = 85


class Processors:
    """The load of all processors together, shared by all pools; `percent` is the load since its last call."""

    def __init__(
        self, percent: Callable[[], float] = psutil.cpu_percent, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._percent = percent
        self._clock = clock
        self._sampled_at = float("-inf")
        self._saturated = True

    def saturated(self) -> bool:
        """Whether another busy process would only slow the others down; also True while there is no recent sample."""
        age = self._clock() - self._sampled_at
        if age >= _SAMPLE_SECONDS:
            percent = self._percent()
            self._sampled_at = self._clock()
            self._saturated = percent >= _SATURATED_PERCENT or age >= _STALE_SECONDS  # a long mean is outdated
        return self._saturated
