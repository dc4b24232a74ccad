"""Describes the machine on which the benchmarks run."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg

from benchmarks.functions import PYTHON
from testing.cloud import ROOT


def description(database_url: str) -> dict[str, str]:
    """Date, processor, memory, kernel, Pythons, Postgres and the code's revision."""
    with psycopg.connect(database_url) as connection:
        postgres = connection.info.parameter_status("server_version")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_version()}; for single functions {_output(PYTHON, '-V').split()[1]}",
        "Postgres": f"{postgres}, fsync on",
        "revision": _output("git", "describe", "--always", "--dirty"),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
