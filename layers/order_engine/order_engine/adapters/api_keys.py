"""API keys in DynamoDB. Only a key's SHA-256 is stored; the key itself is shown once, when it is created."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from order_engine.adapters.aws import JsonService

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOOKUP_SECONDS = 1  # for each of two tries, which together fit into the authorizer's timeout
_PREFIX = "oek_"
_LONGEST = 128  # no key is longer, so longer values are not looked up


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The stored data of a key; `id` is the beginning of its hash."""

    id: str
    account: str
    label: str
    created_at: str
    disabled: bool


class KeyLookup:
    """Looks keys up in the API-keys table, for the authorizer."""

    def __init__(self, table: str, dynamodb: JsonService) -> None:
        self._table = table
        self._dynamodb = dynamodb

    def account_of(self, key: str) -> str | None:
        """The account that a key belongs to; None if it is unknown or revoked. Raises AwsError."""
        if not key or len(key) > _LONGEST or not key.isascii():
            return None
        # A consistent read: otherwise API Gateway could cache for a minute that a new key is unknown.
        found = self._dynamodb.call(
            "GetItem", TableName=self._table, Key={"keyHash": {"S": _hash(key)}}, ConsistentRead=True
        )
        item = found.get("Item")
        return None if item is None or item["disabled"]["BOOL"] else str(item["account"]["S"])


class ApiKeys:
    """Creates, lists and revokes keys in the API-keys table. Raises boto3's exceptions."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def create(self, account: str, label: str) -> str:
        """Create a key for an account and return it; it cannot be read again."""
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
        """All keys, including revoked ones."""
        for item in self._items():
            yield ApiKey(
                id=_id(item),
                account=item["account"]["S"],
                label=item["label"]["S"],
                created_at=item["createdAt"]["S"],
                disabled=item["disabled"]["BOOL"],
            )

    def revoke(self, key_id: str) -> bool:
        """Disable the key with this id; False if there is none. API Gateway may cache it for another minute."""
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
