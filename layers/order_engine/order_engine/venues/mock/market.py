"""Reference prices that move. A pure function of seed and time, so that every process sees the same market."""

import math
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

# US dollars per token, and how far the price deviates from it (0.05 = about 5 % either way).
PRICES: dict[str, tuple[float, float]] = {
    "SOL": (150.0, 0.05),
    "USDC": (1.0, 0.0002),
    "USDT": (1.0, 0.0002),
    "RAY": (2.5, 0.05),
    "MET": (0.8, 0.08),
    "JUP": (0.6, 0.06),
    "BONK": (0.00002, 0.10),
    "ABC": (0.5, 0.08),
    "MOON": (0.01, 0.30),
    "PUMP": (0.002, 0.40),
}

# Not traded until a venue lists them.
UNLISTED = frozenset({"MOON", "PUMP"})

# Slow and fast waves: (period in seconds, weight). While a swap lands (3 s), prices move by hundredths of a percent.
_WAVES = ((3600.0, 0.7), (600.0, 0.25), (60.0, 0.04), (7.0, 0.01))
_DRIFT = ((240.0, 1.0),)


@dataclass(frozen=True, slots=True)
class Market:
    """The market of one seed. `at` is in seconds since 1970."""

    seed: int

    def reference(self, token_in: str, token_out: str, at: float) -> float:
        """Tokens out per token in, before any venue's spread."""
        return self._dollars(token_in, at) / self._dollars(token_out, at)

    def spread(self, venue: str, token_in: str, token_out: str, at: float) -> float:
        """How far below the reference the venue's pool trades: a share from 0.02 to 0.05 that varies over minutes."""
        return 0.035 + 0.015 * _wander(f"{self.seed}/{venue}/{token_in}/{token_out}", _tick(at), _DRIFT)

    def _dollars(self, token: str, at: float) -> float:
        dollars, stray = PRICES[token]
        return dollars * math.exp(stray * _wander(f"{self.seed}/{token}", _tick(at), _WAVES))


def _tick(at: float) -> float:
    """Prices change a hundred times a second, so that orders at the same moment share the cached prices."""
    return round(at, 2)


@lru_cache(4096)
def _wander(name: str, at: float, waves: tuple[tuple[float, float], ...]) -> float:
    """Smooth noise between -1 and 1."""
    return sum(share * _wave(f"{name}/{period}", at / period) for period, share in waves)


def _wave(name: str, position: float) -> float:
    step = math.floor(position)
    here, there = _noise(f"{name}/{step}"), _noise(f"{name}/{step + 1}")
    return here + (there - here) * (1 - math.cos(math.pi * (position - step))) / 2


def _noise(name: str) -> float:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) / 2**63 - 1
