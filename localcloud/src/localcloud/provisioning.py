"""Creates the template's queues and tables in the emulator."""

from collections.abc import Sequence
from typing import Any

from localcloud.aws_json import AwsError, AwsJson
from localcloud.errors import LocalCloudError
from localcloud.project import Attribute, Seed
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


async def put_seed(aws: AwsJson, tables: Sequence[Table], seed: Seed) -> None:
    """Puts the item into its table unless an item with its key exists, which may have been changed on purpose.

    Raises:
        LocalCloudError: the template has no such table, or the item does not fit it.
    """
    table = next((table for table in tables if table.logical_id == seed.table), None)
    if table is None:
        raise LocalCloudError(f"{seed.table}: localcloud.toml has a seed for it, but the template has no such table")
    key = table.definition["KeySchema"][0]["AttributeName"]
    request = {
        "TableName": table.name,
        "Item": {name: _attribute(value) for name, value in seed.item.items()},
        "ConditionExpression": "attribute_not_exists(#key)",
        "ExpressionAttributeNames": {"#key": key},
    }
    try:
        await aws.call("dynamodb", "PutItem", request)
    except AwsError as error:
        if "ConditionalCheckFailed" not in str(error):
            raise LocalCloudError(f"{seed.table}: the seed cannot be stored: {error}") from error


def _attribute(value: Attribute) -> dict[str, Attribute]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


async def _create(aws: AwsJson, service: str, operation: str, logical_id: str, request: dict[str, Any]) -> None:
    try:
        await aws.call(service, operation, request)
    except AwsError as error:
        raise LocalCloudError(f"{logical_id} cannot be created: {error}") from error
