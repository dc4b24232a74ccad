"""Converts SQS messages to a Lambda event, and a function's response to the list of processed messages.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import base64
import json
from collections.abc import Sequence
from typing import Any

from localcloud.lambdas.invocation import Outcome
from localcloud.template.intrinsics import REGION

Message = dict[str, Any]
"""A message as ReceiveMessage returns it."""


def sqs_event(messages: Sequence[Message], queue_arn: str) -> bytes:
    """The event for a batch."""
    return json.dumps({"Records": [_record(message, queue_arn) for message in messages]}).encode()


def _record(message: Message, queue_arn: str) -> dict[str, Any]:
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    attribute = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        binary = value["BinaryValue"]
        attribute["binaryValue"] = binary if isinstance(binary, str) else base64.b64encode(binary).decode()
    return attribute


def processed(messages: Sequence[Message], outcome: Outcome, *, reports_item_failures: bool) -> list[Message]:
    """The messages to delete: none when the function failed or its report is not valid."""
    if outcome.failed:
        return []
    if not reports_item_failures:
        return list(messages)
    try:
        answer = outcome.json() or {}
        failed = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or []}
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
    if not failed <= {message["MessageId"] for message in messages}:
        return []
    return [message for message in messages if message["MessageId"] not in failed]
