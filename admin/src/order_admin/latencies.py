"""Percentiles and a text histogram of latencies. All values are in seconds."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil

PERCENTILES = (50, 90, 95, 99, 100)
_EDGES = (0.0, *(digit * 10.0**power for power in range(-3, 4) for digit in (1, 2, 5)), float("inf"))
_BAR = 40


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` % of the values do not exceed; they must be sorted and not empty."""
    return values[max(0, ceil(len(values) * percent / 100) - 1)]


def histogram(values: Sequence[float]) -> Iterator[str]:
    """A line (limits, count, bar) per interval of the 1-2-5 scale, from the first to the last one with values."""
    counts = [(low, high, sum(low <= value < high for value in values)) for low, high in pairwise(_EDGES)]
    filled = [index for index, (_, _, count) in enumerate(counts) if count]
    if not filled:
        return
    most = max(count for _, _, count in counts)
    for low, high, count in counts[filled[0] : filled[-1] + 1]:
        limits = f"{_short(low):>7} - {_short(high):<7}"
        yield f"{limits}{count:>7}  {'#' * ceil(count * _BAR / most)}"


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.0f} s"
