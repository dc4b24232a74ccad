"""Functions and what invokes them: queues, schedules, custom resources."""

import json
import re
from pathlib import Path
from typing import Any

from localcloud.errors import LocalCloudError
from localcloud.template.model import CustomResource, Function, QueueMapping, Schedule
from localcloud.template.resources import Resource, Resources

_RATE = re.compile(r"rate\(\s*(\d+(?:\.\d+)?)\s+(second|minute|hour|day)s?\s*\)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def functions(resources: Resources, root: Path) -> dict[str, Function]:
    """Every function by its logical id; paths are relative to the template's directory."""
    layers = {
        resources.ref(layer.logical_id): _layer_path(root / layer.properties["ContentUri"])
        for layer in resources.of_type("AWS::Serverless::LayerVersion")
    }
    return {
        resource.logical_id: _function(resource, root, layers, resources.arn(resource.logical_id))
        for resource in resources.of_type("AWS::Serverless::Function")
    }


def _function(resource: Resource, root: Path, layers: dict[str, Path], arn: str) -> Function:
    properties = resource.properties
    code = (root / properties.get("CodeUri", ".")).resolve()
    if not code.is_dir():
        raise LocalCloudError(f"{resource.logical_id}: its CodeUri {code} is not a directory")
    reserved = properties.get("ReservedConcurrentExecutions")
    variables = (properties.get("Environment") or {}).get("Variables") or {}
    return Function(
        name=resource.logical_id,
        arn=arn,
        handler=properties["Handler"],
        code=code,
        # A layer of another stack (its ARN) has no directory here.
        layers=tuple(layers[layer] for layer in properties.get("Layers") or [] if layer in layers),
        timeout=float(properties.get("Timeout", 3)),
        memory=int(properties.get("MemorySize", 128)),
        environment={name: _variable(value) for name, value in variables.items()},
        reserved_concurrency=None if reserved is None else int(reserved),
    )


def _layer_path(content: Path) -> Path:
    """A built layer has its packages below `python/`; an unbuilt one has them at the top."""
    built = content / "python"
    return (built if built.is_dir() else content).resolve()


def _variable(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def queue_mappings(resources: Resources) -> tuple[QueueMapping, ...]:
    """The functions' events of type SQS."""
    return tuple(
        QueueMapping(
            function=function.logical_id,
            queue_arn=event["Queue"],
            batch_size=int(event.get("BatchSize", 10)),
            window=float(event.get("MaximumBatchingWindowInSeconds", 0)),
            maximum_concurrency=_maximum_concurrency(event),
            reports_item_failures="ReportBatchItemFailures" in (event.get("FunctionResponseTypes") or []),
        )
        for function, _, event in resources.events("SQS")
        if _enabled(event)
    )


def _maximum_concurrency(event: dict[str, Any]) -> int | None:
    value = (event.get("ScalingConfig") or {}).get("MaximumConcurrency")
    return None if value is None else int(value)


def _enabled(event: dict[str, Any]) -> bool:
    return str(event.get("Enabled", True)).lower() != "false" and event.get("State", "ENABLED") == "ENABLED"


def schedules(resources: Resources) -> tuple[Schedule, ...]:
    """The functions' events of type Schedule and ScheduleV2."""
    return tuple(
        Schedule(
            name=f"{function.logical_id}{name}",
            function=function.logical_id,
            seconds=_rate(f"{function.logical_id}.{name}", event.get("ScheduleExpression") or event["Schedule"]),
            payload=event.get("Input") if isinstance(event.get("Input"), str | None) else json.dumps(event["Input"]),
        )
        for function, name, event in resources.events("Schedule", "ScheduleV2")
        if _enabled(event)
    )


def _rate(name: str, expression: str) -> float:
    match = _RATE.fullmatch(expression.strip())
    if not match or float(match[1]) <= 0:
        raise LocalCloudError(f"{name}: the local cloud runs schedules of the form rate(1 minute), not {expression!r}")
    return float(match[1]) * _SECONDS[match[2]]


def custom_resources(resources: Resources) -> tuple[CustomResource, ...]:
    """Custom::* resources, in the template's order."""
    return tuple(
        CustomResource(
            logical_id=resource.logical_id,
            kind=resource.kind,
            service_token=str(resource.properties.get("ServiceToken")),
            timeout=float(resource.properties.get("ServiceTimeout", 3600)),
            properties=_as_strings(resource.properties),
        )
        for resource in resources.of_type("Custom::", "AWS::CloudFormation::CustomResource")
    )


def _as_strings(value: Any) -> Any:
    """CloudFormation sends every scalar of a custom resource as a string."""
    if isinstance(value, dict):
        return {key: _as_strings(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_strings(item) for item in value]
    return _variable(value)
