"""Passes events to the handler of the function in the working directory and measures it, inside its own process.

Standard input: {"events": [...], "warm_up": how many of them come before the measurement, "sample": bool}. The last
line of standard output: {"walls", "cpu", "requests", "owners", "functions"}; see `Measured` in benchmarks/functions.py.
"""

import json
import sys
import time
from collections import Counter
from importlib import import_module
from typing import Any

from benchmarks.sampling import Sampler
from order_engine.adapters.aws import JsonService
from testing.lambda_runner import Context


def main() -> None:
    """One run."""
    order = json.load(sys.stdin)
    requests = Counter[str]()
    call = JsonService.call

    def counted(service: JsonService, operation: str, **request: Any) -> Any:
        requests[operation] += 1
        return call(service, operation, **request)

    setattr(JsonService, "call", counted)  # noqa: B010 - mypy does not allow assigning to a method
    sys.path.insert(0, ".")
    app = import_module("app")  # the function's module; its environment variables are set

    sampler = Sampler()
    events, warm_up = order["events"], order["warm_up"]
    for event in events[:warm_up]:
        _invoke(app.handler, event)
    requests.clear()
    if order["sample"]:
        sampler.start()
    used, walls = time.process_time(), []
    for event in events[warm_up:]:
        began = time.perf_counter()
        _invoke(app.handler, event)
        walls.append(time.perf_counter() - began)
    used = time.process_time() - used
    sampler.stop()
    report = {"walls": walls, "cpu": used, "requests": requests}
    print(json.dumps({**report, "owners": sampler.owners, "functions": sampler.functions}))


def _invoke(handler: Any, event: Any) -> None:
    answer = handler(event, Context())
    if answer.get("batchItemFailures") or answer.get("statusCode", 202) != 202:
        raise AssertionError(answer)


if __name__ == "__main__":
    main()
