"""The developer's API key: created once, and kept in a file that only its owner can read."""

import hashlib
import secrets
from datetime import UTC, datetime
from pathlib import Path

from localcloud.aws_json import AwsJson
from localcloud.template.model import Table

TABLE = "ApiKeysTable"
"""Logical id of the table that stores the key."""


def load_or_create(file: Path) -> str:
    """Returns the key in the file; creates one if there is none."""
    if not file.is_file():
        file.touch(mode=0o600)
        file.write_text(f"oek_{secrets.token_urlsafe(24)}\n")
    return file.read_text().strip()


async def register(aws: AwsJson, table: Table, key: str) -> None:
    """Stores the key in the table unless it is already there (it may have been disabled on purpose)."""
    key_hash = {"keyHash": {"S": hashlib.sha256(key.encode()).hexdigest()}}
    found = await aws.call("dynamodb", "GetItem", {"TableName": table.name, "Key": key_hash})
    if "Item" in found:
        return
    attributes = {
        "account": {"S": "demo"},
        "label": {"S": "local dev key"},
        "disabled": {"BOOL": False},
        "createdAt": {"S": datetime.now(UTC).isoformat()},
    }
    await aws.call("dynamodb", "PutItem", {"TableName": table.name, "Item": {**key_hash, **attributes}})
