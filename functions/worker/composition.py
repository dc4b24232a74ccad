"""The worker's composition root."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import ConfirmationsQueue, OrdersQueue
from order_engine.composition import build_journal
from order_engine.settings import SettlerSettings
from order_engine.settling import build_settler
from order_engine.use_cases.execute import ExecutionLimits, Executor
from order_engine.venues import connect

_DATABASE_TIME_LIMIT = timedelta(seconds=5)  # half of the function's timeout, so that it can still return its messages


class Settings(SettlerSettings):
    """See template.yaml."""

    orders_queue_url: str
    lease_seconds: float
    transaction_validity_seconds: float
    confirmations_queue_url: str
    landing_seconds: float


@dataclass(frozen=True, slots=True)
class Worker:
    """The dependencies of the handler."""

    executor: Executor
    queue: OrdersQueue


@cache
def worker() -> Worker:
    """Built on the first event, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    database = Database(settings.database_url, _DATABASE_TIME_LIMIT)
    queues = sqs()
    venues, chain = connect(settings, database)
    journal = build_journal(settings, database, queues)
    executor = Executor(
        orders=OrderStore(database),
        journal=journal,
        venues=venues,
        settler=build_settler(settings, journal, chain, database, queues),
        confirmations=ConfirmationsQueue(settings.confirmations_queue_url, queues),
        limits=ExecutionLimits(
            lease=timedelta(seconds=settings.lease_seconds),
            venue=timedelta(seconds=settings.venue_timeout_seconds),
            transaction_validity=timedelta(seconds=settings.transaction_validity_seconds),
            landing=timedelta(seconds=settings.landing_seconds),
        ),
    )
    return Worker(executor, OrdersQueue(settings.orders_queue_url, queues))


register_before_snapshot(worker)
