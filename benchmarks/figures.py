"""Figures with their goals, as a table and as raw numbers."""

import json
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

_MEETS = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Goal:
    """A figure must be `<=` or `>=` a value."""

    sign: str
    value: float

    def met_by(self, value: float) -> bool:
        return bool(_MEETS[self.sign](value, self.value))


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, its value in each run, and the goal if there is one."""

    name: str
    unit: str
    values: Sequence[float]
    goal: Goal | None = None

    @property
    def median(self) -> float:
        return median(self.values)


@dataclass(frozen=True)
class Section:
    """The figures of one benchmark, and when and how they were measured."""

    measured: str
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Options:
    """How much to measure."""

    runs: int
    quick: bool
    """A smoke test: a few orders, one run; the figures are meaningless."""
    profile: bool
    orders: int
    """Orders already in the database, for growth."""

    def scaled(self, number: int, quick: int) -> int:
        """`number`, or `quick` for a smoke test."""
        return quick if self.quick else number

    @property
    def mock_latency(self) -> str:
        """The factor for the mocked market's default delays; short ones in a smoke test."""
        return "0.1" if self.quick else "1"


def at_most(value: float) -> Goal:
    """A goal that lower figures meet."""
    return Goal("<=", value)


def at_least(value: float) -> Goal:
    """A goal that higher figures meet."""
    return Goal(">=", value)


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that at least `percent` % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def per_run(runs: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """Collects the values of all runs by name, in the order of the runs."""
    collected: dict[str, list[float]] = {}
    for run in runs:
        for name, value in run.items():
            collected.setdefault(name, []).append(value)
    return collected


def table(figures: Iterable[Figure]) -> str:
    """A Markdown table with goals and measured values side by side."""
    lines = ["| figure | unit | goal | measured | lowest to highest | |", "|---|---|---:|---:|---:|---|"]
    for figure in figures:
        goal = (
            f"{figure.goal.sign.replace('<=', '≤').replace('>=', '≥')} {_short(figure.goal.value)}"
            if figure.goal
            else ""
        )
        verdict = ("met" if figure.goal.met_by(figure.median) else "**missed**") if figure.goal else ""
        spread = f"{_short(min(figure.values))} to {_short(max(figure.values))}" if len(figure.values) > 1 else ""
        lines.append(f"| {figure.name} | {figure.unit} | {goal} | {_short(figure.median)} | {spread} | {verdict} |")
    return "\n".join(lines)


def raw(sections: Mapping[str, Section], machine: Mapping[str, str]) -> str:
    """Everything as JSON."""
    named = {name: asdict(section) for name, section in sections.items()}
    return json.dumps({"machine": dict(machine), "sections": named}, indent=1) + "\n"


def load_raw(file: Path) -> dict[str, Section]:
    """The sections of earlier runs, by benchmark; none if there is no file."""
    if not file.is_file():
        return {}
    found = json.loads(file.read_text())["sections"]
    return {
        name: Section(section["measured"], [_figure(document) for document in section["figures"]])
        for name, section in found.items()
    }


def _figure(document: dict[str, Any]) -> Figure:
    return Figure(**{**document, "goal": document["goal"] and Goal(**document["goal"])})


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
