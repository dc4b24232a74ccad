"""Queues, schedules and custom resources against the running cloud."""

import json
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from running import Aws, RunningCloud, until

Seen = Callable[[str], list[dict[str, Any]]]
Send = Callable[..., Any]


@pytest.fixture
def seen(database: psycopg.Connection) -> Seen:
    """The records of messages whose body contains a text."""

    def find(text: str) -> list[dict[str, Any]]:
        rows = database.execute(
            "SELECT body FROM seen WHERE kind = 'message' AND body LIKE %s ORDER BY id", (f"%{text}%",)
        )
        return [json.loads(body) for (body,) in rows]

    return find


@pytest.fixture
def send(cloud: RunningCloud, aws: Aws) -> Send:
    sqs = aws("sqs")
    return lambda queue, body, **fields: sqs.send_message(
        QueueUrl=cloud.endpoints["queues"][queue], MessageBody=body, **fields
    )


def test_a_message_reaches_the_function_immediately_and_is_deleted(
    cloud: RunningCloud, aws: Aws, send: Send, seen: Seen
) -> None:
    text = uuid.uuid4().hex
    attributes = {"kind": {"DataType": "String", "StringValue": "test"}}
    began = time.monotonic()
    send("WorkQueue", text, MessageAttributes=attributes)
    (record,) = until(lambda: seen(text))
    # Unpatched, ministack responds to a long poll up to 100 ms late; several messages show that it does not.
    for number in range(5):
        send("WorkQueue", f"{text} {number}")
        until(partial(seen, f"{text} {number}"))
    assert time.monotonic() - began < 2
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:000000000000:WorkQueue"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["kind"]["stringValue"] == "test"
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = cloud.endpoints["queues"]["WorkQueue"]

    def counts() -> set[str]:
        return set(aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())

    until(lambda: counts() == {"0"})


def test_a_failed_message_is_redelivered_and_then_moved_to_the_dead_letter_queue(
    cloud: RunningCloud, aws: Aws, send: Send, seen: Seen
) -> None:
    text = f"fail {uuid.uuid4().hex}"
    send("WorkQueue", text)
    send("WorkQueue", text.removeprefix("fail "))
    dead = aws("sqs").receive_message(QueueUrl=cloud.endpoints["queues"]["DeadQueue"], WaitTimeSeconds=10)
    assert [message["Body"] for message in dead["Messages"]] == [text]
    assert [record["attributes"]["ApproximateReceiveCount"] for record in seen(text)] == ["1", "2"]


def test_messages_of_a_group_keep_their_order(send: Send, seen: Seen) -> None:
    text = uuid.uuid4().hex
    for number in range(25):
        fields = {"MessageGroupId": text, "MessageDeduplicationId": f"{text}{number}"}
        send("OrderedQueue", f"{number} {text}", **fields)
    records = until(lambda: found if len(found := seen(f" {text}")) >= 25 else None)
    assert [int(record["body"].split()[0]) for record in records] == list(range(25))
    assert records[0]["attributes"]["MessageGroupId"] == text


def test_a_schedule_invokes_its_function(database: psycopg.Connection) -> None:
    query = "SELECT body FROM seen WHERE kind = 'tick' ORDER BY id DESC LIMIT 1"
    event = json.loads(until(lambda: database.execute(query).fetchone())[0])
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")


def test_a_custom_resource_is_created_before_requests_are_accepted(database: psycopg.Connection) -> None:
    query = "SELECT body FROM seen WHERE kind = 'deploy'"
    row = database.execute(query).fetchone()
    assert row
    request = json.loads(row[0])
    assert (request["RequestType"], request["LogicalResourceId"]) == ("Create", "Deploy")
    assert request["ResourceProperties"]["Status"] == "SUCCESS"
