"""Creates the template's queues and tables in the emulator."""

from collections.abc import Sequence
from typing import Any

from localcloud.aws_json import AwsError, AwsJson
from localcloud.errors import LocalCloudError
from localcloud.template.model import Queue, Table


async def create_queues(aws: AwsJson, queues: Sequence[Queue]) -> None:
    """Creates the missing queues, and sets the template's attributes on all of them.

    Raises:
        LocalCloudError: an attribute is not valid.
    """
    for queue in queues:
        fixed = {"FifoQueue": "true"} if queue.name.endswith(".fifo") else {}
        await _create(aws, "sqs", "CreateQueue", queue.logical_id, {"QueueName": queue.name, "Attributes": fixed})
    # A redrive policy is accepted only if its dead-letter queue exists.
    for queue in queues:
        attributes = {"RedrivePolicy": "", **queue.attributes}
        attributes.pop("FifoQueue", None)
        request = {"QueueUrl": queue.url, "Attributes": attributes}
        await _create(aws, "sqs", "SetQueueAttributes", queue.logical_id, request)


async def create_tables(aws: AwsJson, tables: Sequence[Table]) -> None:
    """Creates the missing tables.

    Raises:
        LocalCloudError: a definition is not valid.
    """
    listed = await aws.call("dynamodb", "ListTables", {})
    for table in tables:
        if table.name not in listed["TableNames"]:
            await _create(aws, "dynamodb", "CreateTable", table.logical_id, table.definition)


async def _create(aws: AwsJson, service: str, operation: str, logical_id: str, request: dict[str, Any]) -> None:
    try:
        await aws.call(service, operation, request)
    except AwsError as error:
        raise LocalCloudError(f"{logical_id} cannot be created: {error}") from error
