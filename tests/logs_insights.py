"""As much of the Logs Insights query language as docs/operations.md uses, over the local cloud's logs."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.docs.pages import DOCS, blocks

Line = dict[str, Any]

_CONDITION = re.compile(r'(\w+) (=|>) (?:"([^"]*)"|(\d+))')


def documented_query(note: str, **values: str) -> str:
    """The query of the runbook under `<!-- query: note -->`, with its UPPER_CASE words replaced by `values`."""
    (block,) = [block for block in blocks(DOCS / "operations.md") if block.note == f"query: {note}"]
    text = block.text
    for name, value in values.items():
        assert name in text
        text = text.replace(name, value)
    return text


def lines_of(logs: Path) -> list[Line]:
    """What all functions logged as JSON; `@timestamp` is when. Metrics are not among them."""
    texts = [text for log in sorted(logs.glob("*Function.log")) for text in log.read_text().splitlines()]
    lines = [json.loads(text) for text in texts if text.startswith("{") and '"_aws"' not in text]
    return [{**line, "@timestamp": line["timestamp"]} for line in lines]


def run(query: str, lines: Iterable[Line]) -> list[Line]:
    """The query's results. Raises AssertionError at a command that it does not know."""
    for command in (part.strip() for part in query.split("|")):
        verb, _, rest = command.partition(" ")
        lines = _COMMANDS[verb](rest, list(lines))
    return list(lines)


def _fields(rest: str, lines: list[Line]) -> list[Line]:
    """Only what is shown changes, and a later command may use what is not: so only the names are checked."""
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
