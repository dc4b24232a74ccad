"""The running cloud's AWS services, and more accounts than its own."""

from typing import Any

import boto3

from order_engine.adapters.api_keys import ApiKeys
from tests.cloud import Cloud


def aws_client(cloud: Cloud, service: Any) -> Any:
    """A boto3 client of the running cloud's "sqs" or "dynamodb"."""
    return boto3.client(
        service,
        endpoint_url=cloud.aws_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def api_keys(cloud: Cloud) -> ApiKeys:
    """The running cloud's API keys."""
    return ApiKeys(cloud.tables["ApiKeysTable"], aws_client(cloud, "dynamodb"))


def headers_of_new_account(cloud: Cloud, account: str) -> dict[str, str]:
    """The header of a key made for the account."""
    return {"Authorization": f"Bearer {api_keys(cloud).create(account, 'test')}"}
