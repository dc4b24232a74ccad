"""The authorizer's composition root."""

from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.api_keys import LOOKUP_SECONDS, KeyLookup
from order_engine.adapters.aws import dynamodb
from order_engine.settings import Settings as BaseSettings


class Settings(BaseSettings):
    """See template.yaml."""

    api_keys_table: str


@cache
def key_lookup() -> KeyLookup:
    """Built on the first event."""
    return KeyLookup(Settings.from_environment().api_keys_table, dynamodb(read_seconds=LOOKUP_SECONDS))


register_before_snapshot(key_lookup)
