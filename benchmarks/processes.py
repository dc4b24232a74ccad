"""CPU time and memory of a running local cloud, by group of processes."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress

import psutil

from testing.cloud import Cloud

CLIENT = "client"
FRONT_DOOR = "local cloud"
EMULATOR = "ministack"
POSTGRES = "postgres"


def cpu_seconds(cloud: Cloud) -> dict[str, float]:
    """CPU seconds so far per group: client (this process), local cloud, ministack, postgres, and every function."""
    used: defaultdict[str, float] = defaultdict(float)
    for group, process in grouped(cloud):
        with suppress(psutil.NoSuchProcess):
            used[group] += sum(process.cpu_times()[:4])  # the third and fourth are those of children that have ended
    own = psutil.Process().cpu_times()
    used[CLIENT] = own.user + own.system
    return used


def busy_seconds() -> float:
    """CPU seconds so far of everything on this machine."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0))


def memory_mb(cloud: Cloud) -> dict[str, float]:
    """Proportional set size per group: memory that several processes share is counted once."""
    memory: defaultdict[str, float] = defaultdict(float)
    for group, process in grouped(cloud):
        with suppress(psutil.NoSuchProcess):
            memory[group] += process.memory_full_info().pss / 2**20
    return memory


def grouped(cloud: Cloud) -> Iterator[tuple[str, psutil.Process]]:
    """Every process of the cloud with the name of its group."""
    root = psutil.Process(cloud.pid)
    yield FRONT_DOOR, root
    for process in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            yield _group(process), process


def _group(process: psutil.Process) -> str:
    function = process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
    if function:
        return function.removesuffix("Function").lower()
    return EMULATOR if any("emulator_main" in part for part in process.cmdline()) else POSTGRES
