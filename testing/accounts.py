"""AWS clients, API keys and additional accounts for a running local cloud."""

from typing import Any

import boto3

from order_engine.adapters.api_keys import ApiKeys
from testing.cloud import Cloud


def aws_client(cloud: Cloud, service: Any) -> Any:
    """A boto3 client for the running cloud's "sqs" or "dynamodb"."""
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
    """Create a key for the account; returns the Authorization header with it."""
    return {"Authorization": f"Bearer {api_keys(cloud).create(account, 'test')}"}
