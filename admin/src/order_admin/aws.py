"""The AWS resources behind the engine: those of a deployed stack, or the ones that the local cloud emulates."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, NoRegionError

from order_client.endpoints import local_cloud
from order_client.errors import NotConfigured, OrderEngineError, Unreachable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

Stack = Annotated[str | None, typer.Option(help="A deployed CloudFormation stack; without it, the local cloud.")]
Region = Annotated[str | None, typer.Option(help="AWS region, if not the one that the AWS tools are configured for.")]

API_KEYS_TABLE = "ApiKeysTableName"
ORDERS_QUEUE = "OrdersQueueUrl"
POISON_QUEUE = "OrdersPoisonQueueUrl"


class AwsRefused(OrderEngineError):
    """AWS refused a call."""


@dataclass(frozen=True, slots=True)
class Aws:
    """`outputs` are the stack's outputs by name; `local` is true if an emulator replaces AWS."""

    outputs: Mapping[str, str]
    local: bool
    _options: Mapping[str, Any]

    def output(self, name: str) -> str:
        """One output by name. Raises NotConfigured if the stack does not have it."""
        if name not in self.outputs:
            raise NotConfigured(f"The stack has no output {name}.")
        return self.outputs[name]

    def dynamodb(self) -> "DynamoDBClient":
        """A client for the tables."""
        return boto3.client("dynamodb", **self._options)

    def sqs(self) -> "SQSClient":
        """A client for the queues."""
        return boto3.client("sqs", **self._options)


def find_aws(stack: str | None, region: str | None, **given: str | None) -> Aws:
    """Find the resources; `given` are outputs that need no look-up. Raises NotConfigured."""
    known = {name: value for name, value in given.items() if value}
    options = {"region_name": region} if region else {}
    if stack:
        return Aws({**_stack_outputs(stack, options), **known}, False, options)
    if known:
        return Aws(known, False, options)
    cloud = local_cloud()
    if cloud is None:
        raise NotConfigured(
            "No local cloud is running in this directory or one above it: start it with 'make run', or give --stack."
        )
    tables, queues = cloud["tables"], cloud["queues"]
    outputs = {
        API_KEYS_TABLE: tables["ApiKeysTable"],
        ORDERS_QUEUE: queues["OrdersQueue"],
        POISON_QUEUE: queues["OrdersPoisonQueue"],
    }
    emulator = {
        "endpoint_url": cloud["awsEndpointUrl"],
        "region_name": "us-east-1",
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
    }
    return Aws(outputs, True, emulator)


@contextmanager
def aws_errors() -> Iterator[None]:
    """Convert boto3's exceptions to Unreachable, NotConfigured or AwsRefused."""
    try:
        yield
    except HTTPClientError as error:
        raise Unreachable(str(error)) from error
    except (NoCredentialsError, NoRegionError) as error:
        raise NotConfigured(f"AWS: {error}") from error
    except (BotoCoreError, ClientError) as error:
        raise AwsRefused(str(error)) from error


def _stack_outputs(stack: str, options: Mapping[str, Any]) -> Mapping[str, str]:
    described = boto3.client("cloudformation", **options).describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described[0].get("Outputs", [])}
