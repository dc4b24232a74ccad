"""Every function handles its sample events in events/, both unbuilt and as built by sam build."""

import base64
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.postgres import functions_password
from order_engine.adapters.postgres.roles import MAINTENANCE
from testing.accounts import api_keys
from testing.cloud import Cloud
from testing.lambda_runtime import running
from testing.postgres import url_of
from tests.integration.doubles import fake_aws

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
RUNNER = ROOT / "testing" / "lambda_runner.py"

Invoke = Callable[..., list[Any]]


def samples(function: str) -> dict[str, Any]:
    """The function's sample events by name."""
    return {file.stem: json.loads(file.read_text()) for file in sorted((EVENTS / function).glob("*.json"))}


def environment(cloud: Cloud) -> dict[str, str]:
    """The variables that the functions read, pointing at the running cloud."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": cloud.aws_url,
        "API_KEYS_TABLE": cloud.tables["ApiKeysTable"],
        "BACKOFF_SECONDS": "0",
        "CONNECTIONS_ENDPOINT": cloud.http_url,
        "CONNECTIONS_TABLE": cloud.tables["ConnectionsTable"],
        "DASHBOARD_API_KEY": "",
        "DATABASE_MAX_CONNECTIONS": "100",
        "DATABASE_URL": cloud.database_url,
        "FUNCTIONS_PASSWORD": functions_password(cloud.database_url),
        "IDLE_SESSION_SECONDS": "60",
        "LEASE_SECONDS": "12",
        "MAX_ATTEMPTS": "3",
        "MIGRATE_FUNCTION": "migrate-function",
        "MOCK_FAILURE_RATE": "0",
        "MOCK_LATENCY": "0",
        "MOCK_SEED": "7",
        "OWNER_SECRET": "",
        "ORDERS_QUEUE_URL": cloud.queues["OrdersQueue"],
        "POISON_QUEUE_URL": cloud.queues["OrdersPoisonQueue"],
        "POWERTOOLS_SERVICE_NAME": "sample",
        "RETENTION_DAYS": "0",
        "TRIGGER_QUEUE_URL": cloud.queues["TriggerQueue"],
        "STATUS_QUEUE_URL": cloud.queues["StatusQueue"],
        "TRANSACTION_VALIDITY_SECONDS": "15",
        "VENUE_TIMEOUT_SECONDS": "2",
        "WATCHDOG_SECONDS": "20",
        "ORDER_LIFETIME_SECONDS": "300",
        "RESTING_LIFETIME_SECONDS": "604800",
        "MIN_LIFETIME_SECONDS": "10",
        "MAX_LIFETIME_SECONDS": "7776000",
        "PRICE_TOLERANCE_BPS": "500",
        "TRIGGER_INTERVAL_SECONDS": "1",
        "WEBSOCKET_URL": cloud.websocket_url,
        "WORKER_CONCURRENCY": "20",
        "CONFIRMER_CONCURRENCY": "5",
        "CONFIRMATIONS_QUEUE_URL": cloud.queues["ConfirmationsQueue"],
        "CONFIRMATION_INTERVAL_SECONDS": "1",
        "LANDING_SECONDS": "2",
    }


def run(code: Path, events: list[Any], variables: dict[str, str]) -> list[Any]:
    """Pass events to the unbuilt function in `code`; returns its results. Raises AssertionError if it raised."""
    done = subprocess.run(
        [sys.executable, str(RUNNER)],
        cwd=code,
        env={**variables, "PYTHONPATH": str(ROOT / "layers" / "order_engine")},
        input=json.dumps(events),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line.removeprefix("RESULT ") for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    results = [json.loads(line) for line in lines]
    assert len(results) == len(events), done.stdout + done.stderr
    assert not [result["error"] for result in results if "error" in result]
    return [result["result"] for result in results]


@pytest.fixture(params=["unbuilt", "built"])
def invoke(request: pytest.FixtureRequest, cloud: Cloud, tmp_path: Path) -> Invoke:
    """Passes events to the function in this folder; keyword arguments are additional variables."""
    if request.param == "unbuilt":
        return lambda function, events, **more: run(ROOT / "functions" / function, events, environment(cloud) | more)
    build: Path = request.getfixturevalue("built")

    def invoke_built(function: str, events: list[Any], **more: str) -> list[Any]:
        name = f"{function.replace('_', '')}function"
        (code,) = [folder for folder in build.iterdir() if folder.name.lower() == name]
        with running(code, build / "OrderEngineLayer" / "python", environment(cloud) | more, tmp_path) as runtime:
            return [runtime.invoke(event) for event in events]

    return invoke_built


def test_every_function_has_samples() -> None:
    assert {folder.name for folder in EVENTS.iterdir()} == {
        folder.parent.name for folder in ROOT.glob("functions/*/app.py")
    }


def test_api(invoke: Invoke) -> None:
    events = samples("api")
    answers = dict(zip(events, invoke("api", list(events.values())), strict=True))
    statuses = {name: answer["statusCode"] for name, answer in answers.items()}
    assert statuses.pop("submit_order") in (200, 202)  # 200 if the other build has already placed it
    assert {statuses.pop(name) for name in ("get_order", "cancel_order", "replace_order")} == {404}
    assert set(statuses.values()) == {200}
    assert "application/json" in answers["open_api"]["headers"]["Content-Type"]
    assert "swagger" in gzip.decompress(base64.b64decode(answers["docs"]["body"])).decode()


def test_websocket(invoke: Invoke) -> None:
    events = samples("websocket")
    answers = dict(zip(events, invoke("websocket", list(events.values())), strict=True))
    assert answers["connect"]["headers"] == {"Sec-WebSocket-Protocol": "orders.v1"}
    frames = {name: json.loads(answer["body"])["type"] for name, answer in answers.items() if "body" in answer}
    assert frames == {
        "cancel": "error",
        "execute": "snapshot",
        "ping": "pong",
        "subscribe": "error",
        "subscribe_account": "subscribed",
        "unsubscribe": "unsubscribed",
    }


def test_authorizer(invoke: Invoke, cloud: Cloud) -> None:
    key = api_keys(cloud).create("demo", "sample")
    http, websocket = samples("authorizer").values()
    known = json.loads(json.dumps([http, websocket]).replace("oek_sample", key))
    unauthenticated, allowed, handshake = invoke("authorizer", [http, *known])
    assert unauthenticated == {"isAuthorized": True, "context": {"account": ""}}
    assert allowed == {"isAuthorized": True, "context": {"account": "demo"}}
    assert handshake["context"] == {"account": "demo"}
    assert handshake["policyDocument"]["Statement"][0]["Resource"] == websocket["methodArn"]


def test_worker_reports_unknown_orders_as_failed_items(invoke: Invoke) -> None:
    (event,) = samples("worker").values()
    (answer,) = invoke("worker", [event])
    failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
    assert failed == {record["messageId"] for record in event["Records"]}


def test_confirmer_skips_unknown_orders(invoke: Invoke) -> None:
    assert invoke("confirmer", list(samples("confirmer").values())) == [{"batchItemFailures": []}]


def test_dead_letter_handles_unknown_orders(invoke: Invoke) -> None:
    assert invoke("dead_letter", list(samples("dead_letter").values())) == [{"batchItemFailures": []}]


def test_notifier(invoke: Invoke) -> None:
    assert invoke("notifier", list(samples("notifier").values())) == [{"batchItemFailures": []}]


def test_sweeper(invoke: Invoke) -> None:
    (answer,) = invoke("sweeper", list(samples("sweeper").values()))
    assert answer["sent"] >= 0


def test_trigger(invoke: Invoke, database_url: str) -> None:
    """On another database, in which nothing rests: otherwise it would run for a minute."""
    url = url_of(MAINTENANCE, database_url)
    assert invoke("trigger", list(samples("trigger").values()), DATABASE_URL=url) == [{"activated": 0}]


def test_dashboard(invoke: Invoke) -> None:
    events = samples("dashboard")
    answers = dict(zip(events, invoke("dashboard", list(events.values())), strict=True))
    kept = {}
    for name, content_type in (("page", "text/html"), ("asset", "text/javascript")):
        assert answers[name]["statusCode"] == 200
        headers = answers[name]["headers"]
        assert headers["Content-Type"] == f"{content_type}; charset=utf-8"
        assert headers["Cache-Control"] == "public, max-age=300"
        kept[name] = {**events[name], "headers": {**events[name]["headers"], "if-none-match": headers["ETag"]}}
    again = invoke("dashboard", list(kept.values()))
    assert [(answer["statusCode"], "body" in answer) for answer in again] == [(304, False), (304, False)]
    page, asset = invoke("dashboard", list(kept.values()), DASHBOARD_API_KEY="oek_mine")
    assert (page["statusCode"], page["headers"]["Cache-Control"]) == (200, "no-store")
    assert asset["statusCode"] == 304  # only the page contains the key
    (unknown,) = invoke("dashboard", [{**events["asset"], "rawPath": "/assets/../app.py"}])
    assert (unknown["statusCode"], unknown["headers"]["Content-Type"]) == (404, "application/problem+json")


def test_migrate(invoke: Invoke) -> None:
    assert invoke("migrate", list(samples("migrate").values())) == [[]]  # the running cloud is up to date


def test_schema_always_responds(invoke: Invoke) -> None:
    with fake_aws([]) as aws:
        events = [{**event, "ResponseURL": f"{aws.url}/response"} for event in samples("schema").values()]
        invoke("schema", events, AWS_ENDPOINT_URL_LAMBDA=aws.url)
    assert [response["Status"] for response in aws.responses] == ["SUCCESS", "SUCCESS"]
    assert aws.invocations == [{}]  # on create, not on delete
