"""The redrive command, which shows and empties the poison queue."""

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from botocore.stub import Stubber

from order_admin.poison import depth, move_all, peek_at, start_move
from testing.accounts import aws_client
from testing.cloud import Cloud
from testing.polling import eventually
from tests.e2e.cli.conftest import CommandLine

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def sqs(cloud: Cloud) -> "SQSClient":
    """A client for the emulator's SQS."""
    client: SQSClient = aws_client(cloud, "sqs")
    return client


def test_redrive_of_an_empty_queue_moves_nothing(admin: CommandLine) -> None:
    assert admin.json("redrive") == {"waiting": 0, "messages": [], "moved": 0}


def test_poison_messages_are_shown_and_moved_and_block_no_order(
    orders: CommandLine, admin: CommandLine, sqs: "SQSClient"
) -> None:
    poison = {"not json", f'{{"orderId":"{uuid4()}"}}'}
    for body in poison:
        sqs.send_message(QueueUrl=orders.cloud.queues["OrdersQueue"], MessageBody=body)
    assert orders.lines("submit", "SOL", "USDC", "1", "--watch")[-1]["status"] == "confirmed"
    shown = eventually(
        lambda: found if (found := admin.json("redrive", "--dry-run"))["waiting"] == 2 else None,
        "both are in the poison queue",
    )
    assert set(shown["messages"]) == poison
    assert admin.json("redrive")["moved"] == 2
    # They still refer to no existing order, so they return to the poison queue.
    eventually(lambda: admin.json("redrive", "--dry-run")["waiting"] == 2, "both are in the poison queue again")
    sqs.purge_queue(QueueUrl=orders.cloud.queues["OrdersPoisonQueue"])


def test_peeking_leaves_the_messages_visible(sqs: "SQSClient") -> None:
    queue = sqs.create_queue(QueueName=f"peek-{uuid4()}")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="a")
    for _ in range(2):
        assert peek_at(sqs, queue, 5) == ["a"]
        assert depth(sqs, queue) == 1
    assert peek_at(sqs, queue, 0) == []


def test_messages_are_moved_up_to_the_limit(sqs: "SQSClient") -> None:
    source, target = (sqs.create_queue(QueueName=f"move-{uuid4()}")["QueueUrl"] for _ in range(2))
    for number in range(12):
        sqs.send_message(QueueUrl=source, MessageBody=str(number))
    assert move_all(sqs, source, target, most=11) == 11
    assert (depth(sqs, source), depth(sqs, target)) == (1, 11)
    assert move_all(sqs, source, target, most=11) == 1
    assert (depth(sqs, source), depth(sqs, target)) == (0, 12)


def test_on_aws_a_message_move_task_is_started(sqs: "SQSClient") -> None:
    arns = {f"https://{name}": f"arn:aws:sqs:eu-west-1:123456789012:{name}" for name in ("poison", "orders")}
    with Stubber(sqs) as stub:
        for url, arn in arns.items():
            expected = {"QueueUrl": url, "AttributeNames": ["QueueArn"]}
            stub.add_response("get_queue_attributes", {"Attributes": {"QueueArn": arn}}, expected)
        source, target = arns.values()
        expected = {"SourceArn": source, "DestinationArn": target}
        stub.add_response("start_message_move_task", {"TaskHandle": "handle"}, expected)
        assert start_move(sqs, *arns) == "handle"
