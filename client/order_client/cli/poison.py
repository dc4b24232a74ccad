"""The poison queue from outside: how deep it is, what is in it, and moving it back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_HIDDEN_SECONDS = 20
"""Long enough to move ten messages; whoever crashes in between has them back soon."""


def depth(sqs: "SQSClient", url: str) -> int:
    """About how many messages wait."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def peek_at(sqs: "SQSClient", url: str, most: int) -> list[str]:
    """Some of the waiting messages, which go on waiting: they are handed back at once."""
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
    """Let AWS move everything; returns the task's handle."""
    arns = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for url in (source, target)
    ]
    return sqs.start_message_move_task(SourceArn=arns[0], DestinationArn=arns[1])["TaskHandle"]


def move_all(sqs: "SQSClient", source: str, target: str, most: int) -> int:
    """The emulator's way: move batch after batch; returns how many.

    Each is sent before it is deleted: a crash in between doubles it, which the worker does not mind. `most` ends the
    loop even if what is moved comes right back.
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
