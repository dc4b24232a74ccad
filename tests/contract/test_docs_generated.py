"""The files that are generated from the code are up to date, valid and complete."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from docs.generate import DOCS, generated
from order_engine.contracts import views
from order_engine.contracts.asyncapi import asyncapi_document
from order_engine.contracts.json_text import parse
from order_engine.contracts.openapi import openapi_document
from order_engine.contracts.problems import STATUSES
from order_engine.contracts.requests import (
    Cancel,
    CancelAfter,
    Execute,
    Ping,
    PlaceOrder,
    PlaceOrders,
    ReplaceOrder,
    Request,
    Subscribe,
    Unsubscribe,
)
from order_engine.domain.errors import EngineError

_REQUESTS: dict[str, type[Request]] = {
    "placeOrder": PlaceOrder,
    "placeOrders": PlaceOrders,
    "replaceOrder": ReplaceOrder,
    "cancelAfter": CancelAfter,
}
ASYNCAPI_SCHEMA = Path(__file__).parent / "asyncapi_schema" / "3.0.0.json"
GENERATED = generated()


@pytest.mark.parametrize("file", GENERATED, ids=lambda file: file.name)
def test_generated_files_are_up_to_date(file: Path) -> None:
    assert file.read_text() == GENERATED[file], "run: .venv/bin/python -m docs.generate"


def test_the_openapi_document_is_valid() -> None:
    OpenAPIV31SpecValidator(openapi_document()).validate()


def test_the_asyncapi_document_is_valid() -> None:
    schema = json.loads(ASYNCAPI_SCHEMA.read_text())
    assert [error.message for error in Draft7Validator(schema).iter_errors(asyncapi_document())] == []


def test_every_reference_of_the_asyncapi_document_resolves() -> None:
    document = asyncapi_document()
    references = list(_references(document))
    assert len(references) > 30
    for reference in references:
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_http_response_has_a_valid_example() -> None:
    seen = 0
    for operation in _operations():
        for response in operation["responses"].values():
            for content in response["content"].values():
                examples = [example["value"] for example in content.get("examples", {}).values()]
                examples += [content["example"]] if "example" in content else []
                assert examples, operation["operationId"]
                if "$ref" in content["schema"]:
                    for example in examples:
                        _model(content["schema"]["$ref"]).model_validate_json(json.dumps(example))
                        seen += 1
    assert seen > 40


def test_every_http_request_has_an_example() -> None:
    for operation in _operations():
        for parameter in operation.get("parameters", []):
            assert "example" in parameter or not parameter.get("required"), parameter["name"]
        if "requestBody" in operation:
            examples = operation["requestBody"]["content"]["application/json"]["examples"]
            assert examples
            model = _REQUESTS[operation["operationId"]]
            for example in examples.values():
                model.of(_parsed(example["value"]))
                for order in example["value"].get("orders", []):
                    PlaceOrder.of(_parsed(order)).new_order("anyone")


def test_every_error_code_is_in_the_table_of_codes() -> None:
    table = (DOCS / "errors.md").read_text()
    for kind in (*_with_code(EngineError), *(kind for kind, _ in STATUSES if "code" in vars(kind))):
        assert f"| `{kind.code}` |" in table


def test_every_websocket_message_has_a_valid_example() -> None:
    requests: dict[str, type[Request]] = {
        "subscribe": Subscribe,
        "unsubscribe": Unsubscribe,
        "execute": Execute,
        "cancel": Cancel,
        "ping": Ping,
    }
    document = asyncapi_document()
    for name, message in document["components"]["messages"].items():
        schema = Draft7Validator({**document, **message["payload"]})
        assert message["examples"]
        for example in message["examples"]:
            assert [error.message for error in schema.iter_errors(example["payload"])] == []
            if name in requests:
                requests[name].of(_parsed(example["payload"]))
            else:
                _model(message["payload"]["$ref"]).model_validate_json(json.dumps(example["payload"]))


@pytest.mark.parametrize("document", [openapi_document(), asyncapi_document()], ids=["openapi", "asyncapi"])
def test_limits_are_json_schema_keywords(document: dict[str, Any]) -> None:
    assert not {"ge", "le", "gt", "lt"} & set(_keys(document))


def _keys(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node
        for child in node.values():
            yield from _keys(child)
    elif isinstance(node, list):
        for child in node:
            yield from _keys(child)


def _operations() -> Iterator[dict[str, Any]]:
    for operations in openapi_document()["paths"].values():
        yield from operations.values()


def _model(reference: str) -> type[BaseModel]:
    model: type[BaseModel] = getattr(views, reference.rsplit("/", 1)[1])
    return model


def _parsed(document: dict[str, Any]) -> Any:
    return parse(json.dumps(document))


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


def _with_code(kind: type[EngineError]) -> Iterator[type[EngineError]]:
    if "code" in vars(kind):
        yield kind
    for subclass in kind.__subclasses__():
        yield from _with_code(subclass)
