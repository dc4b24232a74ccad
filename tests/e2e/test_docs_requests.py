"""Every request in api.http and in the Postman collection gets the status that the OpenAPI document promises."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from docs.generate.calls import calls_of
from order_engine.contracts.openapi import openapi_document
from testing.cloud import Cloud
from testing.pages import DOCS
from testing.polling import eventually

DOCUMENTED = {(call.method, call.path, call.status) for call in calls_of(openapi_document())}


@dataclass(frozen=True)
class WrittenRequest:
    """A request as written in a file, with {{variables}}. `keeps`: variable → the response field to store in it."""

    method: str
    url: str
    headers: dict[str, str]
    body: str | None
    status: int
    keeps: dict[str, str]


def from_rest_client() -> list[WrittenRequest]:
    """The file stores no response fields (REST Client and JetBrains do so differently): users paste the order id."""
    _, *parts = re.split(r"^### ", (DOCS / "api.http").read_text(), flags=re.MULTILINE)
    return [_rest_client_request(part) for part in parts]


def _rest_client_request(part: str) -> WrittenRequest:
    head, _, body = part.partition("\n\n")
    title, *lines = [line for line in head.splitlines() if not line.startswith("#")]
    method, url = lines[0].split(" ")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    status = re.search(r"\((\d+)\)$", title)
    assert status
    keeps = {"orderId": "orderId"} if url.endswith("/execute") else {}
    return WrittenRequest(method, url, headers, body.strip() or None, int(status[1]), keeps)


def from_postman() -> list[WrittenRequest]:
    collection = json.loads((DOCS / "postman_collection.json").read_text())
    (token,) = collection["auth"]["bearer"]
    return [_postman_request(item, token["value"]) for item in collection["item"]]


def _postman_request(item: dict[str, Any], token: str) -> WrittenRequest:
    request, url = item["request"], item["request"]["url"]
    query = "&".join(f"{one['key']}={one['value']}" for one in url["query"])
    assert url["raw"] == f"{url['host'][0]}/{'/'.join(url['path'])}" + (f"?{query}" if query else "")
    headers = {header["key"]: header["value"] for header in request["header"]}
    if request.get("auth", {}).get("type") != "noauth":
        headers["Authorization"] = f"Bearer {token}"
    script = "\n".join(item["event"][0]["script"]["exec"])
    status = re.search(r"to\.have\.status\((\d+)\)", script)
    assert status
    keeps = dict(re.findall(r'collectionVariables\.set\("(\w+)", pm\.response\.json\(\)\.(\w+)\)', script))
    return WrittenRequest(
        request["method"], url["raw"], headers, request.get("body", {}).get("raw"), int(status[1]), keeps
    )


@pytest.mark.parametrize("read", [from_rest_client, from_postman])
def test_every_request_gets_its_documented_status(cloud: Cloud, read: Callable[[], list[WrittenRequest]]) -> None:
    variables = {"url": cloud.http_url, "key": cloud.api_key}

    def filled(text: str) -> str:
        return re.sub(r"\{\{(\w+)\}\}", lambda name: variables[name[1]], text)

    requests = read()
    for request in requests:
        headers = {name: filled(value) for name, value in request.headers.items()}
        answer = httpx.request(request.method, filled(request.url), headers=headers, content=request.body, timeout=15)
        assert answer.status_code == request.status, (request, answer.text)
        variables |= {name: answer.json()[field] for name, field in request.keeps.items()}
    written = {
        (one.method, re.sub(r"^\{\{url\}\}|\?.*", "", one.url).replace("{{", "{").replace("}}", "}"), one.status)
        for one in requests
    }
    assert written == DOCUMENTED


def test_examples_have_the_fields_of_real_responses(http: httpx.Client) -> None:
    placed = http.post("/api/orders/execute", json={"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1}).json()
    order = _finished(http, placed["orderId"])
    paths = openapi_document()["paths"]

    def example(path: str, method: str = "get", status: str = "200") -> Any:
        return paths[path][method]["responses"][status]["content"]["application/json"]["example"]

    quotes = http.get("/api/quotes", params={"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1}).json()
    assert _shape(example("/api/orders/execute", "post", "202")) == _shape(placed)
    assert _shape(example("/api/orders/{orderId}")) == _shape(order)
    assert _shape(example("/api/orders")["orders"][0]) == _shape(http.get("/api/orders").json()["orders"][0])
    assert _shape(example("/api/quotes")) == _shape(quotes)
    assert example("/api/tokens") == http.get("/api/tokens").json()


def _finished(http: httpx.Client, order_id: str) -> Any:
    return eventually(
        lambda: order if (order := http.get(f"/api/orders/{order_id}").json())["terminal"] else None,
        f"{order_id} is finished",
    )


def _shape(node: Any) -> Any:
    """The document with each value replaced by the name of its type."""
    if isinstance(node, dict):
        return {name: _shape(below) for name, below in node.items()}
    if isinstance(node, list):
        return [_shape(below) for below in node]
    return type(node).__name__
