"""Loads a template and collects its resources."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.template import apis, compute, storage
from localcloud.template.addresses import Addresses, Listeners
from localcloud.template.intrinsics import Resolver
from localcloud.template.model import (
    CustomResource,
    Function,
    HttpApi,
    Queue,
    QueueMapping,
    Schedule,
    Table,
    WebSocketApi,
)
from localcloud.template.parameters import Value, parameter_values
from localcloud.template.resources import Resources
from localcloud.template.yaml_file import read_yaml


@dataclass(frozen=True)
class Stack:
    """The resources that the local cloud runs."""

    addresses: Addresses
    parameters: dict[str, Value]
    functions: dict[str, Function]
    http_api: HttpApi | None
    websocket_api: WebSocketApi | None
    queues: tuple[Queue, ...]
    tables: tuple[Table, ...]
    queue_mappings: tuple[QueueMapping, ...]
    schedules: tuple[Schedule, ...]
    custom_resources: tuple[CustomResource, ...]

    def function_by_arn(self, arn: str) -> Function | None:
        """The function with this ARN; None if there is none."""
        return next((function for function in self.functions.values() if function.arn == arn), None)


def load_stack(path: Path, environment: Mapping[str, str], provided: Mapping[str, str], listeners: Listeners) -> Stack:
    """Reads the template; `environment` overrides its parameters, except for those in `provided`.

    Raises:
        LocalCloudError: the template uses something that the local cloud cannot run.
    """
    document = read_yaml(path)
    addresses = Addresses(document["Resources"], listeners)
    parameters = parameter_values(document.get("Parameters") or {}, environment, provided)

    def attribute(logical_id: str, name: str | None) -> str:
        return addresses.attribute(logical_id, name, resolver.resolve)

    resolver = Resolver(document, parameters, attribute, addresses.localize)
    resources = Resources(document, resolver)
    functions = compute.functions(resources, path.parent)
    return Stack(
        addresses=addresses,
        parameters=parameters,
        functions=functions,
        http_api=apis.http_api(resources),
        websocket_api=apis.websocket_api(resources),
        queues=storage.queues(resources),
        tables=storage.tables(resources),
        queue_mappings=compute.queue_mappings(resources),
        schedules=compute.schedules(resources),
        custom_resources=compute.custom_resources(resources),
    )
