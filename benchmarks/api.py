"""d. The API function alone, one process: POSTs per second, their latency, and CPU time by owner of the code."""

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import database
from benchmarks.figures import Figure, Options, per_run, percentile
from benchmarks.functions import Measured, invoke_all
from benchmarks.profile import write
from benchmarks.stub_queue import stub_queue
from testing.cloud import ROOT
from testing.postgres import TestServer

_WARM_UP = 20


def measure(options: Options) -> list[Figure]:
    """Measures the POSTs of one execution environment, with a new database for each run."""
    requests = options.scaled(2_000, 50)
    with tempfile.TemporaryDirectory() as directory, stub_queue() as queue:
        server = TestServer(Path(directory))
        try:
            found = [_run(server, queue, requests, sample=False) for _ in range(options.runs)]
            sampled = _run(server, queue, requests, sample=True)
        finally:
            server.stop()
    if options.profile:
        write("api", sampled.functions)
    values = per_run(
        {
            "rate": requests / sum(measured.walls),
            "p50": percentile(measured.walls, 50) * 1000,
            "p99": percentile(measured.walls, 99) * 1000,
            "cpu": measured.cpu / requests * 1000,
        }
        for measured in found
    )
    return [
        Figure("api", "POSTs/s", values["rate"]),
        Figure("api, p50", "ms", values["p50"]),
        Figure("api, p99", "ms", values["p99"]),
        Figure("api's CPU", "ms/POST", values["cpu"]),
        *sampled.owners_of_cpu("api's CPU, threads apart", "ms/POST", requests),
    ]


def _run(server: TestServer, queue: str, requests: int, *, sample: bool) -> Measured:
    total = requests + _WARM_UP
    with server.fresh_copy() as url:
        events = [_event(number) for number in range(total)]
        measured = invoke_all("ApiFunction", events, _WARM_UP, database_url=url, aws_url=queue, sample=sample)
        stored = database.scalar(url, "SELECT count(*) FROM orders")
    if stored != total or measured.requests != {"SendMessage": requests}:
        raise AssertionError(f"{stored} orders of {total}, {measured.requests}")
    return measured


def _event(number: int) -> Any:
    """The sample POST with its own client order id."""
    event = json.loads((ROOT / "events" / "api" / "submit_order.json").read_text())
    event["body"] = json.dumps({**json.loads(event["body"]), "clientOrderId": f"order-{number}"})
    return event
