"""The notifier function while its dependencies are unavailable, and its time limits."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

from localcloud.template.yaml_file import read_yaml
from order_engine import runtime
from order_engine.adapters.aws import CONNECT_SECONDS, TRIES, dynamodb
from order_engine.adapters.gateway import connections_endpoint
from testing.function_modules import function_modules

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def queue_url() -> str:
    return boto3.client("sqs").create_queue(QueueName="status.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, queue_url: str) -> Iterator[ModuleType]:
    """The function, whose connections table does not exist."""
    monkeypatch.setenv("CONNECTIONS_TABLE", "connections")
    monkeypatch.setenv("CONNECTIONS_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("STATUS_QUEUE_URL", queue_url)
    with function_modules("notifier", "composition", "app") as modules:
        yield modules["app"]
    runtime._loop().close()
    runtime._loop.cache_clear()


@pytest.fixture
def composition(app: ModuleType) -> ModuleType:
    """The function's composition root."""
    return sys.modules["composition"]


def received(queue_url: str, number: int) -> dict[str, Any]:
    """An SQS event with this number of messages, each in its own group, received from the queue."""
    sqs = boto3.client("sqs")
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


def whole_batch_failed(event: dict[str, Any]) -> dict[str, Any]:
    """The response after which every message of the batch is redelivered."""
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}


def test_the_batch_is_redelivered_in_five_seconds_while_the_connections_table_is_unavailable(
    app: ModuleType, queue_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = received(queue_url, 12)
    waits: dict[str, int] = {}
    change = app.status_queue().change_visibility

    async def change_and_record(receipt_handles: list[str], seconds: int) -> None:
        waits.update(dict.fromkeys(receipt_handles, seconds))
        await change(receipt_handles, seconds)

    monkeypatch.setattr(app.status_queue(), "change_visibility", change_and_record)
    assert app.handler(event, None) == whole_batch_failed(event)
    assert waits == {record["receiptHandle"]: 5 for record in event["Records"]}
    logged = [vars(record) for record in caplog.records if record.message == "not pushed yet"]
    assert {line["order_id"] for line in logged} == {str(order) for order in range(12)}
    assert all("ResourceNotFound" in line["cause"] for line in logged)


def test_the_batch_is_redelivered_while_both_the_connections_table_and_the_queue_are_unavailable(
    app: ModuleType, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = received(queue_url, 2)
    boto3.client("sqs").delete_queue(QueueUrl=queue_url)
    assert app.handler(event, None) == whole_batch_failed(event)
    causes = [(record.message, vars(record)["code"]) for record in caplog.records if record.levelname == "WARNING"]
    assert causes == [
        ("not pushed yet", "connections_unavailable"),
        ("not pushed yet", "connections_unavailable"),
        ("not postponed; redelivered after the visibility timeout", "queue_unavailable"),
    ]


def test_a_thousand_connections_that_do_not_respond_leave_time_for_the_others(composition: ModuleType) -> None:
    timeout = TRIES * (connections_endpoint("http://127.0.0.1:1", 1).read_seconds)
    assert composition.POSTS_AT_ONCE * composition.TIME_LIMIT.total_seconds() / timeout > 1_000


def test_a_batch_ends_before_the_functions_timeout(composition: ModuleType) -> None:
    template = read_yaml(ROOT / "template.yaml")
    timeout = template["Resources"]["NotifierFunction"]["Properties"]["Timeout"]
    look_up = TRIES * (CONNECT_SECONDS + dynamodb().endpoint.read_seconds)
    assert look_up + composition.TIME_LIMIT.total_seconds() <= timeout - 5
