"""Wiring that several functions share."""

from datetime import timedelta

from order_engine.adapters.aws import JsonService
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.triggers import TriggerStore
from order_engine.adapters.sqs import StatusQueue, TriggerQueue
from order_engine.settings import ExecutionSettings, FrontDoorSettings, SettlerSettings
from order_engine.use_cases.wake import Waker


def build_journal(settings: ExecutionSettings, database: Database, queues: JsonService) -> Journal:
    """Build the journal, which publishes to the status queue."""
    return Journal(
        database,
        StatusQueue(settings.status_queue_url, queues),
        watchdog=timedelta(seconds=settings.watchdog_seconds),
    )


def build_waker(settings: SettlerSettings | FrontDoorSettings, database: Database, queues: JsonService) -> Waker:
    """Build what starts the trigger."""
    return Waker(TriggerStore(database), TriggerQueue(settings.trigger_queue_url, queues))
