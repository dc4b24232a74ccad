"""API keys in DynamoDB. Only a key's SHA-256 is stored; the key itself is shown once, when it is made."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from order_engine.adapters.aws import JsonService

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOOKUP_SECONDS = 1  # for each of two tries, which fit into the authorizer's timeout
_PREFIX = "oek_"
_LONGEST = 128  # no key is longer, so nothing longer needs to be looked up


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key: `id` is the beginning of its hash."""

    id: str
    account: str
    label: str
    created_at: str
    disabled: bool


class KeyLookup:
    """What the authorizer needs of the API-keys table."""

    def __init__(self, table: str, dynamodb: JsonService) -> None:
        self._table = table
        self._dynamodb = dynamodb

    def account_of(self, key: str) -> str | None:
        """The account that a key opens; None for an unknown or revoked one. Raises AwsError."""
        if not key or len(key) > _LONGEST or not key.isascii():
            return None
        # Consistent: API Gateway would remember for a minute that a key just made is unknown.
        found = self._dynamodb.call(
            "GetItem", TableName=self._table, Key={"keyHash": {"S": _hash(key)}}, ConsistentRead=True
        )
        item = found.get("Item")
        return None if item is None or item["disabled"]["BOOL"] else str(item["account"]["S"])


class ApiKeys:
    """The API-keys table, for those who make and revoke keys. Raises what boto3 raises."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def create(self, account: str, label: str) -> str:
        """Make a key for an account and return it; it cannot be read again."""
        key = _PREFIX + secrets.token_urlsafe(24)
        self._client.put_item(
            TableName=self._table,
            Item={
                "keyHash": {"S": _hash(key)},
                "account": {"S": account},
                "label": {"S": label},
                "createdAt": {"S": datetime.now(UTC).isoformat(timespec="seconds")},
                "disabled": {"BOOL": False},
            },
        )
        return key

    def all(self) -> Iterator[ApiKey]:
        """Every key, revoked ones too."""
        for item in self._items():
            yield ApiKey(
                id=_id(item),
                account=item["account"]["S"],
                label=item["label"]["S"],
                created_at=item["createdAt"]["S"],
                disabled=item["disabled"]["BOOL"],
            )

    def revoke(self, key_id: str) -> bool:
        """Disable the key whose id this is; False if there is none. Gateways may remember it for another minute."""
        item = next((item for item in self._items() if _id(item) == key_id), None)
        if item is None:
            return False
        self._client.update_item(
            TableName=self._table,
            Key={"keyHash": item["keyHash"]},
            UpdateExpression="SET disabled = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )
        return True

    def _items(self) -> Iterator[dict[str, Any]]:
        for page in self._client.get_paginator("scan").paginate(TableName=self._table):
            yield from page["Items"]


def _id(item: dict[str, Any]) -> str:
    hashed: str = item["keyHash"]["S"]
    return hashed[:12]


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()
