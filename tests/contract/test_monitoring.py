"""The alarms and the dashboard cover every function and every queue, and use only metrics that exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from localcloud.template.intrinsics import Resolver
from localcloud.template.yaml_file import read_yaml
from order_engine.observability import metrics as emitted

ROOT = Path(__file__).parents[2]
ROOT_TEMPLATE = read_yaml(ROOT / "template.yaml")
RESOURCES: dict[str, Any] = ROOT_TEMPLATE["Resources"]
FUNCTIONS = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::Function"}
QUEUES = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::SQS::Queue"}
STACKS = ("FunctionAlarms", "Monitoring")
NAMESPACE = "OrderEngine/local"

# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and the pages of the other services
AWS_METRICS: dict[tuple[str, tuple[str, ...]], set[str]] = {
    ("AWS/Lambda", ("FunctionName",)): {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"},
    ("AWS/SQS", ("QueueName",)): {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
    ("AWS/RDS", ("DBInstanceIdentifier",)): {"DatabaseConnections", "CPUUtilization", "FreeStorageSpace"},
    ("AWS/ApiGateway", ("ApiId",)): {
        *("Count", "4xx", "5xx", "Latency"),  # of an HTTP API
        *("ConnectCount", "MessageCount", "ClientError", "IntegrationError", "ExecutionError"),  # of a WebSocket API
    },
}
OWN_METRICS = {value.name: value for value in vars(emitted).values() if isinstance(value, emitted.Metric)}
SERVICES = {
    resource["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    for name, resource in RESOURCES.items()
    if name in FUNCTIONS
}


class Watched(NamedTuple):
    """A metric of an alarm or a widget. The values of its dimensions are names of resources."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


def stack(name: str, **changes: str) -> dict[str, Any]:
    """The properties of a nested stack's resources; `changes` overrides its parameters."""
    properties = RESOURCES[name]["Properties"]
    document = read_yaml(ROOT / properties["TemplateURL"])
    defaults = {key: parameter.get("Default") for key, parameter in document["Parameters"].items()}
    parameters = {key: parameter.get("Default", "") for key, parameter in ROOT_TEMPLATE["Parameters"].items()}
    given = Resolver(ROOT_TEMPLATE, parameters, lambda resource, _: resource, str).resolve(properties["Parameters"])
    assert given.keys() <= defaults.keys()
    resolver = Resolver(document, {**defaults, **given, **changes}, lambda resource, _: resource, str)
    return {
        key: resolver.resolve(resource["Properties"])
        for key, resource in document["Resources"].items()
        if "Condition" not in resource or resolver.holds(resource["Condition"])
    }


def alarms(**changes: str) -> dict[str, Any]:
    return {
        key: properties
        for name in STACKS
        for key, properties in stack(name, **changes).items()
        if "ComparisonOperator" in properties
    }


def dashboard(**changes: str) -> list[dict[str, Any]]:
    widgets: list[dict[str, Any]] = json.loads(stack("Monitoring", **changes)["Dashboard"]["DashboardBody"])["widgets"]
    return widgets


def metrics_of_alarm(alarm: dict[str, Any]) -> Iterator[Watched]:
    for metric in (
        [alarm]
        if "MetricName" in alarm
        else [part["MetricStat"]["Metric"] for part in alarm["Metrics"] if "MetricStat" in part]
    ):
        dimensions = tuple((dimension["Name"], dimension["Value"]) for dimension in metric["Dimensions"])
        yield Watched(metric["Namespace"], metric["MetricName"], dimensions)


def metrics_of_widget(widget: dict[str, Any]) -> Iterator[Watched]:
    """Expand the shorthand of dashboards: "." repeats the value above, "..." all values that precede the given ones."""
    above: list[str] = []
    for row in widget["properties"]["metrics"]:
        if isinstance(row[0], dict):
            schema, name = re.findall(r"SEARCH\('\{(.*?)\} MetricName=\"(\w+)\"'", row[0]["expression"])[0]
            namespace, *dimensions = schema.split(",")
            yield Watched(namespace.strip('"'), name, tuple((dimension, "") for dimension in dimensions))
            continue
        texts = [part for part in row if isinstance(part, str)]
        if texts[0] == "...":
            texts = [*above[: len(above) - len(texts) + 1], *texts[1:]]
        above = [old if text == "." else text for text, old in zip(texts, above or texts, strict=True)]
        yield Watched(above[0], above[1], tuple(zip(above[2::2], above[3::2], strict=True)))


WITH_DATABASE = {"DatabaseInstanceId": "instance"}
ALARMS = alarms(**WITH_DATABASE)
IN_ALARMS = [metric for alarm in ALARMS.values() for metric in metrics_of_alarm(alarm)]
ON_DASHBOARD = [metric for widget in dashboard(**WITH_DATABASE) for metric in metrics_of_widget(widget)]


@pytest.mark.parametrize("metric", sorted({*IN_ALARMS, *ON_DASHBOARD}), ids=lambda metric: f"{metric[1]}-{metric[2]}")
def test_every_watched_metric_exists(metric: Watched) -> None:
    names = tuple(name for name, _ in metric.dimensions)
    if metric.namespace == NAMESPACE:
        by = OWN_METRICS[metric.name].by
        assert names in (("service",), ("service", by))
        assert metric.dimensions[0][1] in SERVICES | {""}
    else:
        assert metric.name in AWS_METRICS[metric.namespace, names]
        known = {"FunctionName": FUNCTIONS, "QueueName": QUEUES}.get(names[0], {"HttpApi", "WebSocketApi", "instance"})
        assert metric.dimensions[0][1] in known


def test_every_metric_of_the_engine_is_on_the_dashboard() -> None:
    assert OWN_METRICS.keys() == {metric.name for metric in ON_DASHBOARD if metric.namespace == NAMESPACE}


AT_DEPLOYMENT = {"MigrateFunction", "SchemaFunction"}
SHARED_ERROR_ALARMS = {
    "OtherFunctionErrors": {
        "DashboardFunction",
        "DeadLetterFunction",
        "NotifierFunction",
        "SweeperFunction",
        "TriggerFunction",
    },
    "DeploymentFunctionErrors": AT_DEPLOYMENT,
}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_every_function_has_alarms_and_widgets(function: str) -> None:
    of_function = (("FunctionName", function),)
    if function not in AT_DEPLOYMENT:  # the alarm can have only ten metrics, and deployments report failures
        assert Watched("AWS/Lambda", "Throttles", of_function) in metrics_of_alarm(ALARMS["FunctionsThrottled"])
    shared = [alarm for alarm, functions in SHARED_ERROR_ALARMS.items() if function in functions]
    if shared:
        assert Watched("AWS/Lambda", "Errors", of_function) in metrics_of_alarm(ALARMS[shared[0]])
    else:
        assert set(metrics_of_alarm(ALARMS[f"{function.removesuffix('Function')}Errors"])) == {
            Watched("AWS/Lambda", name, of_function) for name in ("Errors", "Invocations")
        }
    shown = {metric.name for metric in ON_DASHBOARD if metric.dimensions == of_function}
    assert shown == {"Errors", "Throttles", "Duration", "ConcurrentExecutions"}


@pytest.mark.parametrize("queue", sorted(QUEUES))
def test_every_queue_has_alarms_and_widgets(queue: str) -> None:
    if (
        queue == "TriggerQueue"
    ):  # a lost message costs a minute at most; the alarm TriggerLate watches the trigger itself
        return
    of_queue = (("QueueName", queue),)
    assert [metric for metric in IN_ALARMS if metric.dimensions == of_queue]
    assert len([metric for metric in ON_DASHBOARD if metric.dimensions == of_queue]) == 2


def test_every_alarm_has_an_action_and_is_documented() -> None:
    for alarm in alarms(**WITH_DATABASE, AlarmTopicArn="arn:topic").values():
        assert alarm["AlarmActions"] == ["arn:topic"]
        assert alarm["TreatMissingData"] == "notBreaching"
    assert not any("AlarmActions" in alarm for alarm in ALARMS.values())
    headings = re.findall(r"^### (.*)$", (ROOT / "docs/operations.md").read_text(), re.M)
    assert sorted(name for heading in headings for name in heading.split(", ")) == sorted(ALARMS)


def test_an_external_database_is_not_watched() -> None:
    external = {"DatabaseInstanceId": ""}
    watched = [metric for alarm in alarms(**external).values() for metric in metrics_of_alarm(alarm)]
    watched += [metric for widget in dashboard(**external) for metric in metrics_of_widget(widget)]
    assert watched
    assert not [metric for metric in watched if metric.namespace == "AWS/RDS"]


def test_widgets_do_not_overlap() -> None:
    widgets = dashboard(**WITH_DATABASE)
    cells = [
        (x, y)
        for widget in widgets
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_functions_alarms_depend_only_on_functions() -> None:
    """Other dependencies would be circular: an alias depends on its rollback alarm, and an API on the alias."""
    given = RESOURCES["FunctionAlarms"]["Properties"]["Parameters"]
    assert {name: value for name, value in given.items() if name != "AlarmTopicArn"} == {
        function: {"Ref": function} for function in FUNCTIONS
    }
