"""The WebSocket function's composition root."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import dynamodb, sqs
from order_engine.adapters.connections import Connections
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import OrdersQueue
from order_engine.settings import Settings as BaseSettings
from order_engine.use_cases.submit import Submitter

_DATABASE_TIME_LIMIT = timedelta(seconds=2.5)  # a client is waiting for the reply


class Settings(BaseSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    connections_table: str
    order_lifetime_seconds: float
    watchdog_seconds: float


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The dependencies of the handler."""

    submitter: Submitter
    orders: OrderStore
    connections: Connections


@cache
def dependencies() -> Dependencies:
    """Built on the first event, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    orders = OrderStore(Database(settings.database_url, _DATABASE_TIME_LIMIT))
    submitter = Submitter(
        orders=orders,
        queue=OrdersQueue(settings.orders_queue_url, sqs()),
        lifetime=timedelta(seconds=settings.order_lifetime_seconds),
        watchdog=timedelta(seconds=settings.watchdog_seconds),
    )
    return Dependencies(
        submitter=submitter,
        orders=orders,
        connections=Connections(settings.connections_table, dynamodb()),
    )


register_before_snapshot(dependencies)
