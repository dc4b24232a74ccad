"""Reads the local cloud's reports of its invocations: invocations.log has a line for each."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from testing.cloud import Cloud


@dataclass(frozen=True)
class Reports:
    """Number and billed milliseconds of the invocations, by function."""

    invocations: Counter[str] = field(default_factory=Counter)
    billed_ms: Counter[str] = field(default_factory=Counter)


@contextmanager
def reported(cloud: Cloud) -> Iterator[Reports]:
    """The reports of the invocations inside the `with` statement, filled in at its end."""
    file = cloud.directory / "logs" / "invocations.log"
    start = file.stat().st_size
    reports = Reports()
    yield reports
    with file.open() as log:
        log.seek(start)
        for report in map(json.loads, log):
            reports.invocations[report["function"]] += 1
            reports.billed_ms[report["function"]] += report["billed_ms"]
