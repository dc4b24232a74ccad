"""On schedule: requeues orders that made no progress, and deletes those past their retention."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import OrdersQueue
from order_engine.observability import logger
from order_engine.observability.metrics import measured
from order_engine.runtime import run
from order_engine.settings import Settings as BaseSettings
from order_engine.use_cases.purge_finished import purge_finished
from order_engine.use_cases.sweep import sweep


class Settings(BaseSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    watchdog_seconds: float
    retention_days: float


@dataclass(frozen=True, slots=True)
class Sweeper:
    """The dependencies of the handler."""

    orders: OrderStore
    queue: OrdersQueue
    watchdog: timedelta
    retention_days: float


@cache
def sweeper() -> Sweeper:
    """The composition root: built on the first event."""
    settings = Settings.from_environment()
    return Sweeper(
        OrderStore(Database(settings.database_url)),
        OrdersQueue(settings.orders_queue_url, sqs()),
        timedelta(seconds=settings.watchdog_seconds),
        settings.retention_days,
    )


register_before_snapshot(sweeper)


@measured
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Scheduled event → how many orders were requeued and how many were purged."""
    work = sweeper()
    sent = run(sweep(work.orders, work.queue, work.watchdog))
    purged = run(purge_finished(work.orders, work.retention_days))
    if purged:
        logger.info("orders purged", extra={"orders": purged})
    return {"sent": sent, "purged": purged}
