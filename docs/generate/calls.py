"""The calls that the OpenAPI document describes, with its examples filled in."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request that a reader can send.

    `path` holds {name} where a value from an earlier answer belongs; `gives` says which field of the answer is such a
    value, by name. `status` is the documented success.
    """

    name: str
    summary: str
    method: str
    path: str
    query: dict[str, str]
    private: bool
    body: str | None
    status: int
    gives: dict[str, str]


def calls_of(openapi: Document) -> list[Call]:
    """A call per operation, and one per example where a body has several."""
    calls = [
        call
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
        for call in _calls(method, path, operation, openapi["security"])
    ]
    given = {name for call in calls for name in call.gives}
    return [
        replace(call, path=_filled(call.path, openapi["paths"][call.path][call.method.lower()], given))
        for call in calls
    ]


def _filled(path: str, operation: Document, given: set[str]) -> str:
    """The path with the examples of those parameters that no answer gives."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path" and parameter["name"] not in given:
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
    return path


def _calls(method: str, path: str, operation: Document, security: list[Document]) -> Iterator[Call]:
    # Of several successes the last is the first-time one: 200 is a repeat, 202 a new order.
    status = max(status for status in operation["responses"] if status.startswith("2"))
    links = operation["responses"][status].get("links", {}).values()
    for example, body in _bodies(operation):
        yield Call(
            name=operation["operationId"] + (f"_{example}" if example else ""),
            summary=operation["summary"] + (f": {example}" if example else ""),
            method=method.upper(),
            path=path,
            query={
                parameter["name"]: str(parameter["example"])
                for parameter in operation.get("parameters", [])
                if parameter["in"] == "query" and "example" in parameter
            },
            private=bool(operation.get("security", security)),
            body=body,
            status=int(status),
            gives={
                name: source.removeprefix("$response.body#/")
                for link in links
                for name, source in link["parameters"].items()
            },
        )


def _bodies(operation: Document) -> Iterator[tuple[str, str | None]]:
    if "requestBody" not in operation:
        yield "", None
        return
    for name, example in operation["requestBody"]["content"]["application/json"]["examples"].items():
        yield name, json.dumps(example["value"], indent=2)
