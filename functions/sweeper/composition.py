"""The sweeper's composition root."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import OrdersQueue
from order_engine.settings import Settings as BaseSettings


class Settings(BaseSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    watchdog_seconds: float
    retention_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """The dependencies of the handler."""

    orders: OrderStore
    queue: OrdersQueue
    watchdog: timedelta
    retention_days: float


@cache
def sweeper() -> Sweeper:
    """Built on the first event."""
    settings = Settings.from_environment()
    return Sweeper(
        orders=OrderStore(Database(settings.database_url)),
        queue=OrdersQueue(settings.orders_queue_url, sqs()),
        watchdog=timedelta(seconds=settings.watchdog_seconds),
        retention_days=settings.retention_days,
    )


register_before_snapshot(sweeper)
