"""Queues and tables, in the form that CreateQueue and CreateTable take."""

import json
from typing import Any

from localcloud.template.model import Queue, Table
from localcloud.template.resources import Resources

_QUEUE_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "VisibilityTimeout",
)
_TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
    "StreamSpecification",
)


def queues(resources: Resources) -> tuple[Queue, ...]:
    """Every SQS queue."""
    found = []
    for resource in resources.of_type("AWS::SQS::Queue"):
        url = resources.ref(resource.logical_id)
        attributes = {
            name: _attribute(name, resource.properties[name])
            for name in _QUEUE_ATTRIBUTES
            if name in resource.properties
        }
        name = url.rpartition("/")[2]
        found.append(Queue(resource.logical_id, name, resources.arn(resource.logical_id), url, attributes))
    return tuple(found)


def _attribute(name: str, value: Any) -> str:
    if name == "RedrivePolicy":
        value = {**value, "maxReceiveCount": int(value["maxReceiveCount"])}
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def tables(resources: Resources) -> tuple[Table, ...]:
    """Every DynamoDB table."""
    found = []
    for resource in resources.of_type("AWS::DynamoDB::Table"):
        name = resources.ref(resource.logical_id)
        definition = {key: resource.properties[key] for key in _TABLE_PROPERTIES if key in resource.properties}
        if "ProvisionedThroughput" not in definition:
            definition["BillingMode"] = "PAY_PER_REQUEST"
        found.append(Table(resource.logical_id, name, {"TableName": name, **definition}))
    return tuple(found)
