"""Runs the part of the Logs Insights query language that docs/operations.md uses, on the local cloud's logs."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from testing.pages import DOCS, blocks

Line = dict[str, Any]

_CONDITION = re.compile(r'(\w+) (=|>) (?:"([^"]*)"|(\d+))')


def documented_query(note: str, **values: str) -> str:
    """The runbook's query below `<!-- query: note -->`, with the placeholders in `values` replaced."""
    (block,) = [block for block in blocks(DOCS / "operations.md") if block.note == f"query: {note}"]
    text = block.text
    for name, value in values.items():
        assert name in text
        text = text.replace(name, value)
    return text


def lines_of(logs: Path) -> list[Line]:
    """The JSON log lines of all functions, each with `@timestamp`, without metrics."""
    texts = [text for log in sorted(logs.glob("*Function.log")) for text in log.read_text().splitlines()]
    lines = [json.loads(text) for text in texts if text.startswith("{") and '"_aws"' not in text]
    return [{**line, "@timestamp": line["timestamp"]} for line in lines]


def run(query: str, lines: Iterable[Line]) -> list[Line]:
    """The query's results. Raises KeyError or AssertionError for syntax that is not implemented here."""
    for command in (part.strip() for part in query.split("|")):
        verb, _, rest = command.partition(" ")
        lines = _COMMANDS[verb](rest, list(lines))
    return list(lines)


def _fields(rest: str, lines: list[Line]) -> list[Line]:
    """Checks the names only: `fields` limits the output, but later commands may use other fields."""
    assert all(re.fullmatch(r"@?\w+", name) for name in rest.split(", ")), rest
    return lines


def _filter(rest: str, lines: list[Line]) -> list[Line]:
    for condition in rest.split(" and "):
        match = _CONDITION.fullmatch(condition)
        assert match, condition
        name, operator, text, number = match.groups()
        if operator == "=":
            lines = [line for line in lines if str(line.get(name)) == (text if number is None else number)]
        else:
            lines = [line for line in lines if name in line and line[name] > int(number)]
    return lines


def _sort(rest: str, lines: list[Line]) -> list[Line]:
    name, direction = rest.split()
    return sorted(lines, key=lambda line: line[name], reverse={"asc": False, "desc": True}[direction])


def _limit(rest: str, lines: list[Line]) -> list[Line]:
    return lines[: int(rest)]


def _stats(rest: str, lines: list[Line]) -> list[Line]:
    match = re.fullmatch(r"count\(\*\) as (\w+) by (\w+)", rest)
    assert match, rest
    count, by = match.groups()
    return [{by: value, count: number} for value, number in Counter(line.get(by) for line in lines).items()]


_COMMANDS = {"fields": _fields, "filter": _filter, "sort": _sort, "limit": _limit, "stats": _stats}
