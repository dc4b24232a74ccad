"""Where the model's processes run: on one machine's cores, or on Lambda."""

from collections import Counter, defaultdict
from collections.abc import Generator, Mapping
from typing import Any, Protocol

import simpy

Steps = Generator[simpy.Event, Any, None]


class Site(Protocol):
    """Where processes run."""

    def run(self, group: str, process: object, seconds: float) -> Steps:
        """Let a process of a group have so much CPU time; it does one thing at a time."""


class Machine:
    """Cores that all processes share as under Linux: who has had least comes first. A process has one thread."""

    def __init__(self, env: simpy.Environment, cores: int, others: float = 0, slice_seconds: float = 0.001) -> None:
        """`others`: cores' worth of time that something else takes."""
        self.used: defaultdict[str, float] = defaultdict(float)
        """CPU seconds so far, by group."""
        self._env = env
        self._cores = simpy.PriorityResource(env, cores)
        self._pace: float = cores / (cores - others)
        self._slice = slice_seconds
        self._threads: dict[tuple[str, object], simpy.Resource] = {}
        self._had: Counter[tuple[str, object]] = Counter()  # microseconds
        self._least = 0

    def run(self, group: str, process: object, seconds: float) -> Steps:
        """See Site."""
        self.used[group] += seconds
        name = (group, process)
        thread = self._threads.setdefault(name, simpy.Resource(self._env))
        with thread.request() as turn:
            yield turn
            # Who slept has no claim to what it did not use.
            had = max(self._had[name], self._least - round(self._slice * 1e6))
            while seconds > 0:
                with self._cores.request(priority=had) as core:
                    yield core
                    self._least = max(self._least, had)
                    part = min(self._slice, seconds)
                    yield self._env.timeout(part * self._pace)
                seconds -= part
                had += round(part * 1e6)
            self._had[name] = had


class Lambda:
    """Every environment has its share of a core, and every service its usual time to answer."""

    def __init__(self, env: simpy.Environment, shares: Mapping[str, float], waits: Mapping[str, float]) -> None:
        self._env, self._shares, self._waits = env, shares, waits
        self._threads: dict[tuple[str, object], simpy.Resource] = {}

    def run(self, group: str, process: object, seconds: float) -> Steps:
        """See Site."""
        wait = self._waits.get(group, 0)
        if group in self._shares:
            thread = self._threads.setdefault((group, process), simpy.Resource(self._env))
            with thread.request() as turn:
                yield turn
                yield self._env.timeout(seconds / self._shares[group] + wait)
        else:
            yield self._env.timeout(wait)
