"""The parts of the pages that stand between `<!-- generated: name -->` and `<!-- end -->`."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import capacity, cost
from localcloud.template.yaml_file import read_yaml
from order_engine.contracts.asyncapi import asyncapi_document
from order_engine.contracts.examples import example_error
from order_engine.contracts.openapi import openapi_document
from order_engine.contracts.problems import status_of
from order_engine.domain.errors import AttemptFailed, EngineError, FinalFailure
from order_engine.domain.lifecycle import CLAIMS, INITIAL, TERMINAL, TRANSITIONS, Status

_ROOT = Path(__file__).resolve().parents[2]
_PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_generated_parts(page: str) -> str:
    """The page with its generated parts up to date."""
    return _PART.sub(lambda part: f"{part[1]}{_PARTS[part[2]]()}{part[3]}", page)


def state_machine() -> str:
    """domain/lifecycle.py as a Mermaid diagram; claims are labelled, the order's holder makes the others."""
    order = list(Status)
    lines = ["```mermaid", "stateDiagram-v2", *(f"    [*] --> {status}" for status in INITIAL)]
    lines += [f"    {source} --> {target}: claim" for source, target in CLAIMS.items()]
    held = sorted(TRANSITIONS, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    lines += [f"    {source} --> {target}" for source, target in held]
    lines += [f"    {status} --> [*]" for status in order if status in TERMINAL]
    return "\n".join([*lines, "```", ""])


def error_codes() -> str:
    """Every code, its HTTP status, and where clients see it."""
    places = {"HTTP": _http_codes(), "WebSocket": _websocket_codes()}
    rows = ["| code | status | where | meaning |", "|---|---|---|---|"]
    for kind in _with_code(EngineError):
        error = example_error(kind)
        met = [place for place, codes in places.items() if error.code in codes]
        status = str(int(status_of(error))) if met else ""
        if isinstance(error, AttemptFailed):
            met.append("an order (final)" if isinstance(error, FinalFailure) else "an order (retried)")
        meaning = " ".join((kind.__doc__ or "").split())
        rows.append(f"| `{error.code}` | {status} | {', '.join(met) or 'internal'} | {meaning} |")
    return "\n".join([*rows, ""])


def _http_codes() -> set[str]:
    return {
        code
        for operations in openapi_document()["paths"].values()
        for operation in operations.values()
        for response in operation["responses"].values()
        for code in response["content"].get("application/problem+json", {}).get("examples", {})
    }


def _websocket_codes() -> set[str]:
    examples = asyncapi_document()["components"]["messages"]["error"]["examples"]
    return {example["payload"]["code"] for example in examples}


def queues() -> str:
    """The queues of template.yaml and their numbers."""
    template = read_yaml(_ROOT / "template.yaml")
    resources, parameters = template["Resources"], template["Parameters"]

    def number(value: Any) -> Any:
        return parameters[value["Ref"]]["Default"] if isinstance(value, Mapping) and "Ref" in value else value

    rows = [
        "| queue | consumer | batch size | maximum concurrency | visibility timeout | retention | receives, then |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, queue in resources.items():
        if queue["Type"] != "AWS::SQS::Queue":
            continue
        settings = queue["Properties"]
        function, mapping = next(_mappings(resources, name), ("operators", {}))
        redrive = settings.get("RedrivePolicy")
        rows.append(
            f"| `{name}`{', FIFO' if settings.get('FifoQueue') else ''} | {function} "
            f"| {number(mapping.get('BatchSize', ''))} "
            f"| {number(mapping.get('ScalingConfig', {}).get('MaximumConcurrency', ''))} "
            f"| {_span(number(settings.get('VisibilityTimeout', 30)))} "
            f"| {_span(number(settings['MessageRetentionPeriod']))} "
            f"| {_redrive(redrive, number) if redrive else ''} |"
        )
    return "\n".join([*rows, ""])


def _mappings(resources: Mapping[str, Any], queue: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, function in resources.items():
        for event in function.get("Properties", {}).get("Events", {}).values():
            source = event["Properties"].get("Queue", {}) if event["Type"] == "SQS" else {}
            if source.get("Fn::GetAtt") == [queue, "Arn"]:
                yield f"`{name}`", event["Properties"]


def _redrive(policy: Mapping[str, Any], number: Any) -> str:
    return f"{number(policy['maxReceiveCount'])}, then `{policy['deadLetterTargetArn']['Fn::GetAtt'][0]}`"


def _span(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}{'s' if seconds > length else ''}"
    return f"{seconds} s"


def _with_code(kind: type[EngineError]) -> Iterator[type[EngineError]]:
    """The classes with their own code, in the order of the class hierarchy."""
    if "code" in vars(kind):
        yield kind
    for below in kind.__subclasses__():
        yield from _with_code(below)


@cache
def _capacity() -> capacity.Capacity:
    return capacity.load_capacity()


_PARTS: dict[str, Callable[[], str]] = {
    "state-machine": state_machine,
    "error-codes": error_codes,
    "queues": queues,
    "capacity-occupied": lambda: capacity.occupied(_capacity()),
    "capacity-limits": lambda: capacity.limits(_capacity()),
    "capacity-needs": lambda: capacity.needs(_capacity()),
    "cost-dev": lambda: cost.table(cost.bills(_capacity(), "dev")),
    "cost-prod": lambda: cost.table(cost.bills(_capacity(), "prod")),
    "cost-million": lambda: cost.each_million(cost.bills(_capacity(), "prod")),
    "cost-prices": cost.price_list,
    "cost-assumptions": cost.assumptions,
}
