"""A function's handler alone, in a process of its own under the Lambda runtime's Python, with a real Postgres."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from local.template import load_stack
from tests.cloud import ROOT

_TOOLS = ROOT / ".tools"
_ENGINE = ROOT / "layers" / "order_engine"
_LAYER = _TOOLS / "layer"
# Where make found no python3.13 the layer is not there, and our own Python has the same packages.
PYTHON = str(_TOOLS / "lambda" / "bin" / "python") if (_LAYER / ".ready").exists() else sys.executable


@dataclass(frozen=True)
class Measured:
    """What invocations cost; seconds."""

    walls: list[float]
    """Of each invocation."""
    cpu: float
    """Of the process, all invocations together."""
    requests: dict[str, int]
    """AWS requests by operation, such as sqs.SendMessage."""
    owners: dict[str, int]
    """CPU samples by whose code it was (benchmarks/sampling.py)."""
    functions: dict[str, int]
    """CPU samples by owner and function."""

    def owners_of_cpu(self, name: str, unit: str, number: int) -> list[Figure]:
        """The CPU of each of so many orders or requests, divided as the samples are; most first."""
        total = sum(self.owners.values())
        return [
            Figure(f"{name}: {owner}", unit, [self.cpu / number * 1000 * samples / total])
            for owner, samples in sorted(self.owners.items(), key=lambda item: -item[1])
        ]


def invoke_all(  # noqa: PLR0913 - what differs between its uses
    name: str, events: Sequence[Any], warm_up: int, *, database_url: str, aws_url: str, sample: bool = False
) -> Measured:
    """Invoke a function of the template with one event after the other; the first `warm_up` are not counted."""
    port = int(aws_url.rpartition(":")[2])
    provided = {"AwsEndpointUrl": aws_url}
    stack = load_stack(ROOT / "template.yaml", {"MOCK_LATENCY": "0"}, provided, http_port=0, aws_port=port)
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
    """Run a module of ours under the functions' Python: JSON in, and the JSON of its last line of output back."""
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
