"""The worker's composition root."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import ConfirmationsQueue, OrdersQueue, StatusQueue
from order_engine.settings import MockSettings
from order_engine.use_cases.execute import ExecutionLimits, Executor
from order_engine.use_cases.settle import RetryPolicy, Settler
from order_engine.venues import connect

_DATABASE_TIME_LIMIT = timedelta(seconds=5)  # half of the function's, so that it can still give its messages back


class Settings(MockSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    status_queue_url: str
    max_attempts: int
    backoff_seconds: float
    lease_seconds: float
    watchdog_seconds: float
    venue_timeout_seconds: float
    transaction_validity_seconds: float
    confirmations_queue_url: str
    landing_seconds: float


@dataclass(frozen=True, slots=True)
class Worker:
    """What the handler works with."""

    executor: Executor
    queue: OrdersQueue


@cache
def worker() -> Worker:
    """Built at the first event, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    database = Database(settings.database_url, _DATABASE_TIME_LIMIT)
    queues = sqs()
    venues, chain = connect(settings, database)
    journal = Journal(
        database,
        StatusQueue(settings.status_queue_url, queues),
        watchdog=timedelta(seconds=settings.watchdog_seconds),
    )
    venue_limit = timedelta(seconds=settings.venue_timeout_seconds)
    retries = RetryPolicy(max_attempts=settings.max_attempts, backoff=timedelta(seconds=settings.backoff_seconds))
    executor = Executor(
        orders=OrderStore(database),
        journal=journal,
        venues=venues,
        settler=Settler(journal=journal, chain=chain, retries=retries, time_limit=venue_limit),
        confirmations=ConfirmationsQueue(settings.confirmations_queue_url, queues),
        limits=ExecutionLimits(
            lease=timedelta(seconds=settings.lease_seconds),
            venue=venue_limit,
            transaction_validity=timedelta(seconds=settings.transaction_validity_seconds),
            landing=timedelta(seconds=settings.landing_seconds),
        ),
    )
    return Worker(executor, OrdersQueue(settings.orders_queue_url, queues))


register_before_snapshot(worker)
