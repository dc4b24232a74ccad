"""Wiring shared by the functions that end attempts and orders: worker, confirmer and dead_letter."""

from datetime import timedelta

from order_engine.adapters.aws import JsonService
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.triggers import TriggerStore
from order_engine.adapters.sqs import StatusQueue, TriggerQueue
from order_engine.settings import SettlerSettings
from order_engine.use_cases.settle import RetryPolicy, Settler
from order_engine.use_cases.wake import Waker
from order_engine.venues.protocol import Chain


def build_journal(settings: SettlerSettings, database: Database, queues: JsonService) -> Journal:
    """Build the journal, which publishes to the status queue."""
    return Journal(
        database,
        StatusQueue(settings.status_queue_url, queues),
        watchdog=timedelta(seconds=settings.watchdog_seconds),
    )


def build_settler(
    settings: SettlerSettings, journal: Journal, chain: Chain, database: Database, queues: JsonService
) -> Settler:
    """Build the settler, with the deployment's retry policy."""
    return Settler(
        journal=journal,
        chain=chain,
        waker=Waker(TriggerStore(database), TriggerQueue(settings.trigger_queue_url, queues)),
        retries=RetryPolicy(max_attempts=settings.max_attempts, backoff=timedelta(seconds=settings.backoff_seconds)),
        time_limit=timedelta(seconds=settings.venue_timeout_seconds),
    )
