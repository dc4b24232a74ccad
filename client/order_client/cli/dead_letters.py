"""A dead-letter queue from outside: how deep it is, what is in it, and moving it back."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_HIDDEN_SECONDS = 20
"""Long enough to move ten messages; whoever crashes in between has them back soon."""

_ASK_SECONDS = 0.02
"""The emulator's own long poll looks only ten times a second; the dead_letter function waits for the same messages."""


def depth(sqs: "SQSClient", url: str) -> tuple[int, int]:
    """About how many messages wait, and how many somebody holds."""
    attributes = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return (
        int(attributes["ApproximateNumberOfMessages"]),
        int(attributes["ApproximateNumberOfMessagesNotVisible"]),
    )


def peek_at(sqs: "SQSClient", url: str, most: int) -> list[str]:
    """Some of the waiting messages, which go on waiting: they are handed back at once."""
    messages = _receive(sqs, url, most, wait=1) if most else []
    if messages:
        sqs.change_message_visibility_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                for index, message in enumerate(messages)
            ],
        )
    return [message["Body"] for message in messages]


def start_move(sqs: "SQSClient", url: str) -> str:
    """Let AWS move everything back to the queue that it came from; returns the task's handle."""
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]


def move_all(sqs: "SQSClient", source: str, target: str, most: int, seconds: float) -> list[str]:
    """The emulator's way: move batch after batch, waiting up to so many seconds for more; returns their bodies.

    Each is sent before it is deleted: a crash in between doubles it, which the worker does not mind. `most` ends the
    loop even if what is moved comes right back.
    """
    deadline = time.monotonic() + seconds
    moved: list[str] = []
    while len(moved) < most:
        messages = _receive(sqs, source, min(10, most - len(moved)), wait=0)
        if messages:
            moved += _move(sqs, source, target, messages)
        elif time.monotonic() >= deadline:
            break
        else:
            time.sleep(_ASK_SECONDS)
    return moved


def _move(sqs: "SQSClient", source: str, target: str, messages: Sequence["MessageTypeDef"]) -> list[str]:
    sent = sqs.send_message_batch(
        QueueUrl=target,
        Entries=[{"Id": str(index), "MessageBody": message["Body"]} for index, message in enumerate(messages)],
    )
    done = [messages[int(entry["Id"])] for entry in sent.get("Successful", [])]
    if done:
        sqs.delete_message_batch(
            QueueUrl=source,
            Entries=[
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(done)
            ],
        )
    return [message["Body"] for message in done]


def _receive(sqs: "SQSClient", url: str, most: int, wait: int) -> Sequence["MessageTypeDef"]:
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=most, VisibilityTimeout=_HIDDEN_SECONDS, WaitTimeSeconds=wait
    )
    return answer.get("Messages", [])
