"""template.yaml is consistent, in itself and with the code."""

import ast
import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import order_engine.settings
from localcloud.template.parameters import variable_name
from order_engine.adapters.api_keys import LOOKUP_SECONDS
from order_engine.adapters.aws import CONNECT_SECONDS, TRIES
from order_engine.contracts.openapi import openapi_document

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """Reads the tags of CloudFormation as {"Ref": …}, {"Fn::GetAtt": …} and so on."""


def _tagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise AssertionError(f"unexpected {suffix}")
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)

TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Loader)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
FUNCTIONS = {
    name: body["Properties"] for name, body in RESOURCES.items() if body["Type"] == "AWS::Serverless::Function"
}
QUEUES = {name: body["Properties"] for name, body in RESOURCES.items() if body["Type"] == "AWS::SQS::Queue"}


def value(setting: Any) -> Any:
    """A property's value: a parameter's default where it refers to one."""
    return PARAMETERS[setting["Ref"]]["Default"] if isinstance(setting, dict) and "Ref" in setting else setting


def events(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """The functions' events of this type: (function, properties)."""
    return [
        (name, event["Properties"])
        for name, function in FUNCTIONS.items()
        for event in function.get("Events", {}).values()
        if event["Type"] == kind
    ]


def timeout(function: str) -> int:
    return int(value(FUNCTIONS[function].get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])))


def test_the_template_has_every_function() -> None:
    folders = {Path(function["CodeUri"]).name for function in FUNCTIONS.values()}
    assert folders == {folder.parent.name for folder in ROOT.glob("functions/*/app.py")}


@pytest.mark.parametrize("queue", ["OrdersQueue", "ConfirmationsQueue", "StatusQueue"])
def test_every_queue_has_a_dead_letter_queue(queue: str) -> None:
    policy = QUEUES[queue]["RedrivePolicy"]
    target = policy["deadLetterTargetArn"]["Fn::GetAtt"].split(".")[0]
    assert target in QUEUES
    assert QUEUES[target].get("FifoQueue", False) == QUEUES[queue].get("FifoQueue", False)
    assert value(policy["maxReceiveCount"]) == {"OrdersQueue": 3, "ConfirmationsQueue": 10, "StatusQueue": 30}[queue]


def test_a_lease_ends_after_the_worker_timeout_and_before_redelivery() -> None:
    lease = value({"Ref": "LeaseSeconds"})
    assert timeout("WorkerFunction") < lease < value({"Ref": "OrdersVisibilityTimeout"})


def test_the_visibility_timeout_covers_six_function_timeouts_and_the_batching_window() -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    batching_window = max(window["GatheringSeconds"] for window in TEMPLATE["Mappings"]["OrdersBatch"].values())
    assert value({"Ref": "OrdersVisibilityTimeout"}) >= 6 * timeout("WorkerFunction") + batching_window


def test_the_authorizer_responds_even_if_its_table_hangs() -> None:
    assert timeout("AuthorizerFunction") > TRIES * (CONNECT_SECONDS + LOOKUP_SECONDS)


def test_workers_do_not_wait_for_transactions_to_land() -> None:
    """The timeout allows for four calls within their time limits: quote, build, send and status."""
    assert 4 * value({"Ref": "VenueTimeoutSeconds"}) < timeout("WorkerFunction") <= 10
    assert timeout("WorkerFunction") < value({"Ref": "TransactionValiditySeconds"})


def test_batches_of_more_than_ten_orders_have_a_batching_window() -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    windows = TEMPLATE["Mappings"]["OrdersBatch"]
    assert [str(size) for size in PARAMETERS["OrdersBatchSize"]["AllowedValues"]] == list(windows)
    for size, window in windows.items():
        assert (int(size) <= 10) or window["GatheringSeconds"] >= 1
    fifo = {name for name, queue in QUEUES.items() if queue.get("FifoQueue")}
    for _, event in events("SQS"):
        queue, _, _ = event["Queue"]["Fn::GetAtt"].partition(".")
        assert queue not in fifo or event["BatchSize"] <= 10


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_only_the_variables_it_reads(function: str) -> None:
    settings = [
        node
        for file in (ROOT / FUNCTIONS[function]["CodeUri"]).glob("*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
    ]
    assert len(settings) == 1
    fields = {
        field.target.id
        for field in settings[0].body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    }
    base = getattr(order_engine.settings, ast.unparse(settings[0].bases[0]).replace("BaseSettings", "Settings"))
    fields |= {field.name for field in dataclasses.fields(base)} if dataclasses.is_dataclass(base) else set()
    given = {name for name in FUNCTIONS[function]["Environment"]["Variables"] if not name.startswith("POWERTOOLS_")}
    assert given == {field.upper() for field in fields}


def test_the_routes_match_the_openapi_document() -> None:
    routes = {(event["Method"].lower(), event["Path"]) for _, event in events("HttpApi")}
    documented = {(method, path) for path, item in openapi_document()["paths"].items() for method in item}
    assert routes == documented


def test_only_six_routes_are_public() -> None:
    open_routes = {event["Path"] for _, event in events("HttpApi") if event.get("Auth", {}).get("Authorizer") == "NONE"}
    assert open_routes == {"/", "/assets/{file}", "/api/tokens", "/health", "/openapi.json", "/docs"}
    assert RESOURCES["HttpApi"]["Properties"]["Auth"]["DefaultAuthorizer"] == "ApiKey"
    assert RESOURCES["WebSocketApi"]["Properties"]["Auth"]["AuthType"] == "CUSTOM"
    documented = {
        path
        for path, item in openapi_document()["paths"].items()
        for body in item.values()
        if body.get("security") == []
    }
    assert documented == open_routes


def test_the_http_api_precedes_the_websocket_api() -> None:
    names = list(RESOURCES)  # sam local start-api serves the first API in the template
    assert names.index("HttpApi") < names.index("WebSocketApi")
    assert all(names.index(function) < names.index("WebSocketApi") for function in FUNCTIONS)


def settings_for_aws() -> list[tuple[str, str]]:
    """The parameters that docs/deploy.md explains, with their defaults."""
    return re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? *\|", (ROOT / "docs/deploy.md").read_text(), re.M)


def test_the_deployment_guide_has_the_parameters_defaults() -> None:
    for name, default in settings_for_aws():
        assert str(PARAMETERS[name]["Default"]) == default, name


def test_every_setting_is_documented_in_the_example_file() -> None:
    example = (ROOT / ".env.example").read_text()
    documented = set(re.findall(r"^# ?([A-Z][A-Z_]+)=", example, re.M))
    for_aws = {variable_name(name) for name, _ in settings_for_aws()}
    set_by_the_local_cloud = {
        "AWS_ENDPOINT_URL",
        "DATABASE_ADDRESS",
        "DATABASE_PASSWORD",
        "DATABASE_OWNER_URL",
        "DASHBOARD_API_KEY",
    }
    assert {variable_name(name) for name in PARAMETERS} - set_by_the_local_cloud - for_aws <= documented
    assert not for_aws & documented
    for name, parameter in PARAMETERS.items():
        shown = re.search(rf"^# ?{variable_name(name)}=(.*)$", example, re.M)
        if shown:
            assert shown.group(1) == str(parameter["Default"]), name
