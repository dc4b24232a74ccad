"""Operations on the poison queue: count its messages, look at some of them, and move them back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_HIDDEN_SECONDS = 20
"""Visibility timeout: long enough to move ten messages, and short if a crash leaves them hidden."""


def depth(sqs: "SQSClient", url: str) -> int:
    """The approximate number of waiting messages."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def peek_at(sqs: "SQSClient", url: str, most: int) -> list[str]:
    """The bodies of at most `most` waiting messages, which are made visible again at once."""
    messages = _receive(sqs, url, most) if most else []
    if messages:
        sqs.change_message_visibility_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                for index, message in enumerate(messages)
            ],
        )
    return [message["Body"] for message in messages]


def start_move(sqs: "SQSClient", source: str, target: str) -> str:
    """Start an SQS task that moves all messages; returns the task's handle."""
    arns = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for url in (source, target)
    ]
    return sqs.start_message_move_task(SourceArn=arns[0], DestinationArn=arns[1])["TaskHandle"]


def move_all(sqs: "SQSClient", source: str, target: str, most: int) -> int:
    """Move messages batch by batch, because the emulator has no move tasks; returns how many were moved.

    Each message is sent before it is deleted: a crash in between duplicates it, which the worker tolerates. `most` ends
    the loop even if moved messages come straight back.
    """
    moved = 0
    while moved < most and (messages := _receive(sqs, source, min(10, most - moved))):
        moved += _move(sqs, source, target, messages)
    return moved


def _move(sqs: "SQSClient", source: str, target: str, messages: Sequence["MessageTypeDef"]) -> int:
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
    return len(done)


def _receive(sqs: "SQSClient", url: str, most: int) -> Sequence["MessageTypeDef"]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, VisibilityTimeout=_HIDDEN_SECONDS)
    return answer.get("Messages", [])
