"""The WebSocket function's composition root."""

from dataclasses import dataclass
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.connections import Connections, dynamodb_client
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import OrdersQueue, sqs_client
from order_engine.settings import Settings as BaseSettings

_DATABASE_PATIENCE = 2.5  # seconds; a client waits for the answer


class Settings(BaseSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    connections_table: str
    watchdog_seconds: float


@dataclass(frozen=True, slots=True)
class Desk:
    """What messages are answered with."""

    orders: OrderStore
    queue: OrdersQueue
    connections: Connections
    watchdog: float


@cache
def desk() -> Desk:
    """Built at the first event, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    return Desk(
        OrderStore(Database(settings.database_url, _DATABASE_PATIENCE)),
        OrdersQueue(settings.orders_queue_url, sqs_client()),
        Connections(settings.connections_table, dynamodb_client()),
        settings.watchdog_seconds,
    )


register_before_snapshot(desk)
