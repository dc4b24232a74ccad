"""The poison queue, seen and emptied from outside."""

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from botocore.stub import Stubber

from order_client.cli.poison import depth, move_all, peek_at, start_move
from tests.accounts import aws_client
from tests.client.conftest import Orders
from tests.cloud import Cloud
from tests.polling import eventually

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def sqs(cloud: Cloud) -> "SQSClient":
    """The emulator."""
    client: SQSClient = aws_client(cloud, "sqs")
    return client


def test_nothing_to_do(orders: Orders) -> None:
    assert orders.json("redrive") == {"waiting": 0, "messages": [], "moved": 0}


def test_a_message_about_no_order_is_put_aside_shown_and_moved_and_holds_up_nobody(
    orders: Orders, sqs: "SQSClient"
) -> None:
    poison = {"not json", f'{{"orderId":"{uuid4()}"}}'}
    for body in poison:
        sqs.send_message(QueueUrl=orders.cloud.queues["OrdersQueue"], MessageBody=body)
    assert orders.lines("submit", "SOL", "USDC", "1", "--watch")[-1]["status"] == "confirmed"
    shown = eventually(
        lambda: found if (found := orders.json("redrive", "--dry-run"))["waiting"] == 2 else None, "both are put aside"
    )
    assert set(shown["messages"]) == poison
    assert orders.json("redrive")["moved"] == 2
    # They are as much about no order as before, and come back to where they were.
    eventually(lambda: orders.json("redrive", "--dry-run")["waiting"] == 2, "both are put aside again")
    sqs.purge_queue(QueueUrl=orders.cloud.queues["OrdersPoisonQueue"])


def test_peeking_hides_nothing(sqs: "SQSClient") -> None:
    queue = sqs.create_queue(QueueName=f"peek-{uuid4()}")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="a")
    for _ in range(2):
        assert peek_at(sqs, queue, 5) == ["a"]
        assert depth(sqs, queue) == 1
    assert peek_at(sqs, queue, 0) == []


def test_moving_empties_one_queue_into_the_other(sqs: "SQSClient") -> None:
    source, target = (sqs.create_queue(QueueName=f"move-{uuid4()}")["QueueUrl"] for _ in range(2))
    for number in range(12):
        sqs.send_message(QueueUrl=source, MessageBody=str(number))
    assert move_all(sqs, source, target, most=11) == 11
    assert (depth(sqs, source), depth(sqs, target)) == (1, 11)
    assert move_all(sqs, source, target, most=11) == 1
    assert (depth(sqs, source), depth(sqs, target)) == (0, 12)


def test_on_aws_the_move_is_a_task(sqs: "SQSClient") -> None:
    arns = {f"https://{name}": f"arn:aws:sqs:eu-west-1:123456789012:{name}" for name in ("poison", "orders")}
    with Stubber(sqs) as stub:
        for url, arn in arns.items():
            asked = {"QueueUrl": url, "AttributeNames": ["QueueArn"]}
            stub.add_response("get_queue_attributes", {"Attributes": {"QueueArn": arn}}, asked)
        source, target = arns.values()
        asked = {"SourceArn": source, "DestinationArn": target}
        stub.add_response("start_message_move_task", {"TaskHandle": "handle"}, asked)
        assert start_move(sqs, *arns) == "handle"
