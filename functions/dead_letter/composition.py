"""The dead-letter function's composition root."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import ConfirmationsQueue, OrdersQueue, PoisonQueue, StatusQueue
from order_engine.settings import MockSettings
from order_engine.use_cases.settle import RetryPolicy, Settler
from order_engine.use_cases.settle_dead_letters import DeadLetterHandler
from order_engine.venues import connect


class Settings(MockSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    poison_queue_url: str
    status_queue_url: str
    max_attempts: int
    backoff_seconds: float
    venue_timeout_seconds: float
    confirmations_queue_url: str
    watchdog_seconds: float


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """What the handler works with."""

    handler: DeadLetterHandler
    poison: PoisonQueue


@cache
def dead_letters() -> DeadLetters:
    """Built at the first event, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    database = Database(settings.database_url)
    queues = sqs()
    _, chain = connect(settings, database)
    journal = Journal(
        database,
        StatusQueue(settings.status_queue_url, queues),
        watchdog=timedelta(seconds=settings.watchdog_seconds),
    )
    retries = RetryPolicy(max_attempts=settings.max_attempts, backoff=timedelta(seconds=settings.backoff_seconds))
    handler = DeadLetterHandler(
        orders=OrderStore(database),
        journal=journal,
        queue=OrdersQueue(settings.orders_queue_url, queues),
        confirmations=ConfirmationsQueue(settings.confirmations_queue_url, queues),
        settler=Settler(
            journal=journal,
            chain=chain,
            retries=retries,
            time_limit=timedelta(seconds=settings.venue_timeout_seconds),
        ),
    )
    return DeadLetters(handler, PoisonQueue(settings.poison_queue_url, queues))


register_before_snapshot(dead_letters)
