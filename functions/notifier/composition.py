"""The notifier's composition root."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import dynamodb, sqs
from order_engine.adapters.connections import Connections
from order_engine.adapters.gateway import Gateway, connections_endpoint
from order_engine.adapters.sqs import StatusQueue
from order_engine.settings import Settings as BaseSettings

POSTS_AT_ONCE = 144  # a thousand connections that time out twice, after a second each, fit into the time limit
TIME_LIMIT = timedelta(seconds=15)  # for a batch's posts; with its lookups, still within the function's timeout


class Settings(BaseSettings):
    """See template.yaml."""

    connections_table: str
    connections_endpoint: str
    status_queue_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """The dependencies of the handler."""

    connections: Connections
    gateway: Gateway
    pool: ThreadPoolExecutor
    time_limit: timedelta


@cache
def notifier() -> Notifier:
    """Built on the first event."""
    settings = Settings.from_environment()
    return Notifier(
        connections=Connections(settings.connections_table, dynamodb()),
        gateway=Gateway(connections_endpoint(settings.connections_endpoint, POSTS_AT_ONCE)),
        pool=ThreadPoolExecutor(POSTS_AT_ONCE),
        time_limit=TIME_LIMIT,
    )


register_before_snapshot(notifier)


@cache
def status_queue() -> StatusQueue:
    """Built only when messages have to be postponed."""
    return StatusQueue(Settings.from_environment().status_queue_url, sqs())
