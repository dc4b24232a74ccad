"""The dead-letter queue, seen and emptied from outside."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from botocore.stub import Stubber

from order_client.cli.dead_letters import depth, move_all, peek_at, start_move
from tests.client.conftest import Orders
from tests.cloud import Cloud
from tests.polling import eventually

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def sqs(cloud: Cloud) -> "SQSClient":
    """The emulator."""
    return boto3.client(
        "sqs",
        endpoint_url=cloud.aws_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def test_nothing_to_do(orders: Orders) -> None:
    assert orders.json("redrive") == {"waiting": 0, "held": 0, "messages": [], "moved": 0}


def test_a_message_about_no_order_is_moved(orders: Orders, sqs: "SQSClient") -> None:
    queue = orders.cloud.queues["OrdersDeadLetterQueue"]
    # The dead_letter function holds what it cannot settle for a minute; here for a second.
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
    sent: list[str] = []

    def moved() -> Any:
        # A receive that began before may hold the first message for the minute all the same.
        sent.append(f"poison {uuid4()}")
        sqs.send_message(QueueUrl=queue, MessageBody=sent[-1])
        looked = orders.json("redrive", "--dry-run")
        assert looked["waiting"] + looked["held"] == len(sent)
        assert "moved" not in looked
        done = orders.json("redrive", "--wait", "3")
        return done["moved"] and done

    done = eventually(moved, "a message is moved")
    assert len(done["messages"]) == done["moved"]
    assert set(done["messages"]) <= set(sent)


def test_peeking_hides_nothing(sqs: "SQSClient") -> None:
    queue = sqs.create_queue(QueueName=f"peek-{uuid4()}")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="a")
    for _ in range(2):
        assert peek_at(sqs, queue, 5) == ["a"]
        assert depth(sqs, queue) == (1, 0)
    assert peek_at(sqs, queue, 0) == []


def test_moving_empties_one_queue_into_the_other(sqs: "SQSClient") -> None:
    source, target = (sqs.create_queue(QueueName=f"move-{uuid4()}")["QueueUrl"] for _ in range(2))
    for number in range(12):
        sqs.send_message(QueueUrl=source, MessageBody=str(number))
    assert len(move_all(sqs, source, target, most=11, seconds=0)) == 11
    assert (depth(sqs, source), depth(sqs, target)) == ((1, 0), (11, 0))
    assert len(move_all(sqs, source, target, most=11, seconds=0)) == 1
    assert (depth(sqs, source), depth(sqs, target)) == ((0, 0), (12, 0))


def test_on_aws_the_move_is_a_task(sqs: "SQSClient") -> None:
    arn = "arn:aws:sqs:eu-west-1:123456789012:dead"
    with Stubber(sqs) as stub:
        asked = {"QueueUrl": "https://dead", "AttributeNames": ["QueueArn"]}
        stub.add_response("get_queue_attributes", {"Attributes": {"QueueArn": arn}}, asked)
        stub.add_response("start_message_move_task", {"TaskHandle": "handle"}, {"SourceArn": arn})
        assert start_move(sqs, "https://dead") == "handle"
