"""What a cold start costs: loading each built function, with bytecode and without, and its first request.

`python -m benchmarks.cold_start [runs]` builds for this machine, starts a local cloud, and prints the medians. CPU time
is more meaningful than wall time on a machine with other load.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure, Options, at_most
from testing.cloud import QUICK, running_cloud
from testing.lambda_runtime import ARCHITECTURE, PYTHON, ROOT, sam_build

_FIRST_REQUESTS = {"api": "submit_order", "websocket": "execute"}  # the most frequent; for others the first sample

# Loads the modules named in argv, then passes the event on stdin to `app`; prints the clock readings in between.
_LOAD = """
import importlib, sys, time
def read_clocks():
    return time.perf_counter(), time.process_time()
readings = [read_clocks()]
for name in sys.argv[1].split(","):
    try:
        importlib.import_module(name)
    except ImportError:  # a module that another one creates at run time, as six does
        pass
readings.append(read_clocks())
import json, os
loaded = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
from testing.lambda_runner import Context
event = json.load(sys.stdin)
readings.append(read_clocks())
if event is not None:
    sys.modules["app"].handler(event, Context())
readings.append(read_clocks())
print("RESULT", json.dumps([readings, loaded]))
"""


@dataclass(frozen=True)
class Cost:
    """Wall time and CPU time in milliseconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class ColdStart:
    """One function's medians. `bare` is the cost of its third-party modules alone; None if it has none."""

    function: str
    load: Cost
    load_from_source: Cost
    bare: Cost | None
    first_request: Cost | None

    @property
    def weight(self) -> float | None:
        """CPU time of loading the whole function, as a multiple of loading its third-party modules alone."""
        return self.load.cpu / self.bare.cpu if self.bare else None


@dataclass(frozen=True)
class _Function:
    name: str
    code: Path
    layer: Path
    variables: dict[str, str]
    event: Any

    def run(self, modules: list[str], layer: Path, event: Any = None) -> tuple[Cost, Cost, dict[str, str | None]]:
        """The cost of loading the modules in a new process, the cost of the event, and all loaded modules' files."""
        done = subprocess.run(
            [PYTHON, "-B", "-c", _LOAD, ",".join(modules)],
            cwd=self.code,
            env={**self.variables, "PYTHONPATH": os.pathsep.join(map(str, (self.code, layer, ROOT)))},
            input=json.dumps(event),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        assert results, done.stdout + done.stderr
        (start, end, asked, answered), loaded = json.loads(results[0].removeprefix("RESULT "))
        return _cost(start, end), _cost(asked, answered), loaded


def cold_starts(runs: int = 5) -> list[ColdStart]:
    """Every built function's cold start; the runs are interleaved, so that other load affects all alike."""
    with _built_functions() as functions:
        thirds = {function.name: _third_party(function) for function in functions}
        costs: dict[tuple[str, str], list[Cost]] = {}
        with tempfile.TemporaryDirectory() as directory:
            source = Path(directory) / "layer"
            shutil.copytree(functions[0].layer, source, ignore=shutil.ignore_patterns("__pycache__"))
            for _ in range(runs):
                for function in functions:
                    load, request, _loaded = function.run(["app"], function.layer, function.event)
                    from_source, *_ = function.run(["app"], source)
                    bare, *_ = function.run(thirds[function.name] or ["builtins"], function.layer)
                    taken = {"load": load, "request": request, "source": from_source, "bare": bare}
                    for kind, cost in taken.items():
                        costs.setdefault((function.name, kind), []).append(cost)
    return [
        ColdStart(
            function.name,
            _median(costs[function.name, "load"]),
            _median(costs[function.name, "source"]),
            _median(costs[function.name, "bare"]) if thirds[function.name] else None,
            _median(costs[function.name, "request"]) if function.event is not None else None,
        )
        for function in functions
    ]


@contextmanager
def _built_functions() -> Iterator[list[_Function]]:
    """The functions as sam build builds them for this machine, with the environment variables of a local cloud."""
    with tempfile.TemporaryDirectory() as directory:
        build = sam_build(Path(directory), ARCHITECTURE)
        with running_cloud(Path(directory) / "cloud", **QUICK) as cloud:
            text = (cloud.directory / "sam-env.json").read_text().replace("host.docker.internal", "127.0.0.1")
            variables = json.loads(text)
            yield [
                _Function(
                    name,
                    build / name,
                    build / "OrderEngineLayer" / "python",
                    {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
                    | variables[name],
                    _first_event(name),
                )
                for name in sorted(variables)
            ]


def _first_event(name: str) -> Any:
    """A sample event; None for a custom resource, whose response goes to CloudFormation's bucket."""
    (folder,) = [
        folder for folder in (ROOT / "events").iterdir() if f"{folder.name.replace('_', '')}function" == name.lower()
    ]
    event = json.loads(min(folder.glob(f"{_FIRST_REQUESTS.get(folder.name, '*')}.json")).read_text())
    return None if "ResponseURL" in event else event


def _third_party(function: _Function) -> list[str]:
    """The modules of third-party packages, in the order in which the function loads them."""
    *_, loaded = function.run(["app"], function.layer)
    packages = (str(function.layer), str(PYTHON.parents[1]))
    return [
        name
        for name, file in loaded.items()
        if file and file.startswith(packages) and name.partition(".")[0] != "order_engine"
    ]


def _cost(start: tuple[float, float], end: tuple[float, float]) -> Cost:
    return Cost((end[0] - start[0]) * 1000, (end[1] - start[1]) * 1000)


def _median(costs: list[Cost]) -> Cost:
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))


def measure(options: Options) -> list[Figure]:
    """CPU time of loading and of the first request, and loading as a multiple of the third-party modules alone."""
    costs = [
        cost
        for start in cold_starts(options.runs)
        for cost in (
            (f"{start.function}: load", "ms of CPU", start.load.cpu, None),
            (f"{start.function}: load / third party", "", start.weight, at_most(1.15)),
            (
                f"{start.function}: first request",
                "ms of CPU",
                start.first_request.cpu if start.first_request else None,
                None,
            ),
        )
    ]
    return [Figure(name, unit, [value], goal) for name, unit, value, goal in costs if value is not None]


def table(starts: list[ColdStart]) -> str:
    """A Markdown table: milliseconds of CPU time (of wall time)."""
    head = ["function", "load", "without bytecode", "third party alone", "load / third party", "first request"]
    lines = [head, ["---"] * len(head), *map(_cells, starts)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(start: ColdStart) -> list[str]:
    costs = [start.load, start.load_from_source, start.bare]
    weight = f"{start.weight:.2f}" if start.weight else "-"
    return [start.function, *map(_cell, costs), weight, _cell(start.first_request)]


def _cell(cost: Cost | None) -> str:
    return f"{cost.cpu:.0f} ({cost.wall:.0f})" if cost else "-"


if __name__ == "__main__":
    print(table(cold_starts(int(sys.argv[1]) if len(sys.argv) > 1 else 5)))
