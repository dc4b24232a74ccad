"""More accounts than the local cloud's own."""

import boto3

from order_engine.adapters.api_keys import ApiKeys
from tests.cloud import Cloud


def api_keys(cloud: Cloud) -> ApiKeys:
    """The running cloud's API keys."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=cloud.aws_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    return ApiKeys(cloud.tables["ApiKeysTable"], client)


def headers_of_new_account(cloud: Cloud, account: str) -> dict[str, str]:
    """The header of a key made for the account."""
    return {"Authorization": f"Bearer {api_keys(cloud).create(account, 'test')}"}
