"""Profiles of the CPU time by function, as text files in .local/profiles."""

import asyncio
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import psutil

from benchmarks.load import place_orders
from benchmarks.processes import POSTGRES, grouped
from testing.cloud import ROOT, Cloud

_DIRECTORY = ROOT / ".local" / "profiles"
_PY_SPY = [str(ROOT / ".tools/uv/bin/uv"), "tool", "run", "py-spy==0.4.1", "record", "--gil", "--rate", "200"]
_BUSIEST = 2  # processes per group: every profiled process slows the others
_TOP = 40


def profile_cloud(cloud: Cloud, orders: int, in_flight: int, seconds: float) -> None:
    """Profile a cloud's Python processes while it executes orders, which takes about `seconds` seconds.

    py-spy samples the thread that holds the GIL, so time inside system calls is not included.
    """
    _DIRECTORY.mkdir(parents=True, exist_ok=True)
    by_group: defaultdict[str, list[psutil.Process]] = defaultdict(list)
    for group, process in grouped(cloud):
        by_group[group].append(process)
    recorded: list[tuple[str, Path, subprocess.Popen[bytes]]] = []
    for group in by_group.keys() - {POSTGRES}:
        busiest = sorted(by_group[group], key=lambda process: -process.cpu_times().user)[:_BUSIEST]
        for process in busiest:
            file = _DIRECTORY / f"{process.pid}.raw"
            duration = ["--duration", str(round(seconds) + 1)]
            output = ["--format", "raw", "--output", str(file), "--pid", str(process.pid)]
            command = [*_PY_SPY, *duration, *output]
            recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            recorded.append((group, file, recorder))
    asyncio.run(place_orders(cloud, orders, in_flight))
    functions: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for group, file, recorder in recorded:
        recorder.wait()
        if file.is_file():
            functions[group] += _innermost(file.read_text())
            file.unlink()
    for group, counts in functions.items():
        if counts:
            write(f"cloud {group}", counts)


def write(name: str, counts: Mapping[str, int]) -> None:
    """Write the functions with the most samples, with their shares of all samples."""
    _DIRECTORY.mkdir(parents=True, exist_ok=True)
    total = sum(counts.values())
    top = sorted(counts.items(), key=lambda item: -item[1])[:_TOP]
    text = "".join(f"{count / total:6.1%}  {function}\n" for function, count in top)
    (_DIRECTORY / f"{name.replace(' ', '-')}.txt").write_text(f"{total} samples\n{text}")


def _innermost(stacks: str) -> Counter[str]:
    """Samples by innermost function, from lines of `outer;inner (file:line) count`."""
    counts: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        counts[re.sub(r"\(.*?([^/]*/[^/:]*)(:\d+)?\)$", r"(\1)", stack.rpartition(";")[2])] += int(count)
    return counts
