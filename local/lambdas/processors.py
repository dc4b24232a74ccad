"""Whether this machine's processors have time left."""

import time
from collections.abc import Callable

import psutil

_SAMPLE_SECONDS = 0.1  # over less, the figure would be noise
_STALE_SECONDS = 1.0
_SATURATED_PERCENT = 85


class Processors:
    """A look at all processors together, shared by all pools; `percent` gives their use since its last call."""

    def __init__(
        self, percent: Callable[[], float] = psutil.cpu_percent, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._percent = percent
        self._clock = clock
        self._sampled_at = float("-inf")
        self._saturated = True

    def saturated(self) -> bool:
        """Whether another busy process would only slow the others down; True, too, while that is not known yet."""
        age = self._clock() - self._sampled_at
        if age >= _SAMPLE_SECONDS:
            percent = self._percent()
            self._sampled_at = self._clock()
            self._saturated = percent >= _SATURATED_PERCENT or age >= _STALE_SECONDS  # a mean over longer is not now
        return self._saturated
