"""The confirmer's composition root."""

from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import ConfirmationsQueue, OrdersQueue, StatusQueue
from order_engine.settings import MockSettings
from order_engine.use_cases.confirm import Confirmer
from order_engine.use_cases.settle import RetryPolicy, Settler
from order_engine.venues import connect

_DATABASE_TIME_LIMIT = timedelta(seconds=5)  # half of the function's, so that it can still give its messages back


class Settings(MockSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    confirmations_queue_url: str
    status_queue_url: str
    max_attempts: int
    backoff_seconds: float
    watchdog_seconds: float
    venue_timeout_seconds: float
    confirmation_interval_seconds: float


@cache
def confirmer() -> Confirmer:
    """Built at the first event, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    database = Database(settings.database_url, _DATABASE_TIME_LIMIT)
    queues = sqs()
    _, chain = connect(settings, database)
    journal = Journal(
        database,
        StatusQueue(settings.status_queue_url, queues),
        watchdog=timedelta(seconds=settings.watchdog_seconds),
    )
    return Confirmer(
        orders=OrderStore(database),
        journal=journal,
        queue=OrdersQueue(settings.orders_queue_url, queues),
        confirmations=ConfirmationsQueue(settings.confirmations_queue_url, queues),
        settler=Settler(
            journal=journal,
            chain=chain,
            retries=RetryPolicy(
                max_attempts=settings.max_attempts, backoff=timedelta(seconds=settings.backoff_seconds)
            ),
            time_limit=timedelta(seconds=settings.venue_timeout_seconds),
        ),
        interval=timedelta(seconds=settings.confirmation_interval_seconds),
    )


register_before_snapshot(confirmer)
