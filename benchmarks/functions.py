"""Runs a function's handler alone, in its own process under the Lambda runtime's Python, with a real Postgres."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from localcloud.template import load_stack
from localcloud.template.addresses import Listeners
from testing.cloud import ROOT

_TOOLS = ROOT / ".tools"
_ENGINE = ROOT / "layers" / "order_engine"
_LAYER = _TOOLS / "layer"
# If make found no python3.13, there is no layer, and the Python of .venv has the same packages.
PYTHON = str(_TOOLS / "lambda" / "bin" / "python") if (_LAYER / ".ready").exists() else sys.executable


@dataclass(frozen=True)
class Measured:
    """What invocations cost; times are in seconds."""

    walls: list[float]
    """Wall time of each invocation."""
    cpu: float
    """CPU time of the process, for all invocations together."""
    requests: dict[str, int]
    """AWS requests by operation, such as SendMessage."""
    owners: dict[str, int]
    """CPU samples by owner of the code (benchmarks/sampling.py)."""
    functions: dict[str, int]
    """CPU samples by owner and function."""

    def owners_of_cpu(self, name: str, unit: str, number: int) -> list[Figure]:
        """CPU time per order or request (`number` of them), split by owner like the samples; largest first."""
        total = sum(self.owners.values())
        return [
            Figure(f"{name}: {owner}", unit, [self.cpu / number * 1000 * samples / total])
            for owner, samples in sorted(self.owners.items(), key=lambda item: -item[1])
        ]


def invoke_all(  # noqa: PLR0913 - what differs between the callers
    name: str, events: Sequence[Any], warm_up: int, *, database_url: str, aws_url: str, sample: bool = False
) -> Measured:
    """Invoke a function of the template with one event after the other; the first `warm_up` are not measured."""
    port = int(aws_url.rpartition(":")[2])
    provided = {"AwsEndpointUrl": aws_url}
    stack = load_stack(ROOT / "template.yaml", {"MOCK_LATENCY": "0"}, provided, Listeners(0, port))
    function = stack.functions[name]
    order = {"events": list(events), "warm_up": warm_up, "sample": sample}
    variables = {**_runtime_variables(), **function.environment, "DATABASE_URL": database_url}
    return Measured(**run_module("benchmarks.driver", order, function.code, function.layers, variables))


def run_module(
    module: str,
    order: Any,
    directory: Path = ROOT,
    layers: Sequence[Path] = (),
    variables: Mapping[str, str] | None = None,
) -> Any:
    """Run a module of this repository under the functions' Python, with `order` as its input in JSON.

    Returns the JSON in the last line of its output.
    """
    done = subprocess.run(
        [PYTHON, "-m", module],
        cwd=directory,
        env={**(variables or {}), "PYTHONPATH": os.pathsep.join(map(str, (*layers, _ENGINE, _LAYER, ROOT)))},
        input=json.dumps(order),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _runtime_variables() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
