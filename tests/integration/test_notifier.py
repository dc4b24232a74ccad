"""The notifier function while what it depends on is away, and the time it takes at most."""

import json
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from moto import mock_aws

from local.template.yaml_file import read_yaml
from order_engine import runtime
from order_engine.adapters.connections import dynamodb_client
from order_engine.adapters.gateway import gateway_client
from order_engine.adapters.sqs import sqs_client

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield


@pytest.fixture
def queue_url() -> str:
    return sqs_client().create_queue(QueueName="status.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, queue_url: str) -> Iterator[ModuleType]:
    """The function, whose connections table does not exist."""
    monkeypatch.setenv("CONNECTIONS_TABLE", "connections")
    monkeypatch.setenv("CONNECTIONS_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("STATUS_QUEUE_URL", queue_url)
    specification = spec_from_file_location("notifier_app", ROOT / "functions" / "notifier" / "app.py")
    assert specification and specification.loader
    module = module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "notifier_app", module)  # its dataclass looks for it there
    specification.loader.exec_module(module)
    yield module
    runtime._loop().close()
    runtime._loop.cache_clear()


def received(queue_url: str, number: int) -> dict[str, Any]:
    """An SQS event of so many messages, each of a group of its own, as they were received from the queue."""
    sqs = sqs_client()
    for order in range(number):
        body = {"events": [{"account": "alice", "event": {"orderId": str(order), "sequence": 1}}]}
        name = str(order)
        sqs.send_message(
            QueueUrl=queue_url, MessageBody=json.dumps(body), MessageGroupId=name, MessageDeduplicationId=name
        )
    messages: list[Any] = []
    while some := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        messages += some
    return {
        "Records": [
            {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"]}
            for message in messages
        ]
    }


def whole(event: dict[str, Any]) -> dict[str, Any]:
    """The answer that has every message of a batch delivered again."""
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}


def test_without_the_table_exactly_the_whole_batch_comes_back_in_five_seconds(
    app: ModuleType, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = received(queue_url, 12)
    waits: dict[str, int] = {}
    app.status_queue()._client.meta.events.register(
        "provide-client-params.sqs.ChangeMessageVisibilityBatch",
        lambda params, **_: waits.update(
            (entry["ReceiptHandle"], entry["VisibilityTimeout"]) for entry in params["Entries"]
        ),
    )
    assert app.handler(event, None) == whole(event)
    assert waits == {record["receiptHandle"]: 5 for record in event["Records"]}
    logged = [vars(record) for record in caplog.records if record.message == "not pushed yet"]
    assert {line["order_id"] for line in logged} == {str(order) for order in range(12)}
    assert all("ResourceNotFound" in line["cause"] for line in logged)


def test_without_the_table_and_the_queue_the_batch_comes_back_and_both_reasons_are_told(
    app: ModuleType, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = received(queue_url, 2)
    sqs_client().delete_queue(QueueUrl=queue_url)
    assert app.handler(event, None) == whole(event)
    causes = [(record.message, vars(record)["code"]) for record in caplog.records if record.levelname == "WARNING"]
    assert causes == [
        ("not pushed yet", "connections_unavailable"),
        ("not pushed yet", "connections_unavailable"),
        ("not postponed; they come back when their visibility ends", "queue_unavailable"),
    ]


def test_a_thousand_connections_that_do_not_answer_leave_time_for_the_others(app: ModuleType) -> None:
    config: Any = gateway_client("http://127.0.0.1:1", 1).meta.config
    assert app._POSTS_AT_ONCE * app._TIME_LIMIT.total_seconds() / config.read_timeout > 1_000


def test_a_batch_ends_well_before_the_functions_timeout(app: ModuleType) -> None:
    template = read_yaml(ROOT / "template.yaml")
    timeout = template["Resources"]["NotifierFunction"]["Properties"]["Timeout"]
    config: Any = dynamodb_client().meta.config
    look_up = (config.connect_timeout + config.read_timeout) * config.retries["total_max_attempts"]
    assert look_up + app._TIME_LIMIT.total_seconds() <= timeout - 5
