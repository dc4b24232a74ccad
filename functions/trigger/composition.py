"""The trigger's composition root."""

from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.postgres.triggers import TriggerStore
from order_engine.adapters.sqs import OrdersQueue
from order_engine.composition import build_journal
from order_engine.settings import ExecutionSettings
from order_engine.use_cases.cancel import Canceller
from order_engine.use_cases.prices import VenuePrices
from order_engine.use_cases.trigger import Trigger
from order_engine.venues import connect_venues


class Settings(ExecutionSettings):
    """See template.yaml."""

    orders_queue_url: str
    trigger_interval_seconds: float


@cache
def trigger() -> Trigger:
    """Built on the first event."""
    settings = Settings.from_environment()
    database, queues = Database(settings.database_url), sqs()
    orders = OrderStore(database)
    journal = build_journal(settings, database, queues)
    return Trigger(
        triggers=TriggerStore(database),
        orders=orders,
        queue=OrdersQueue(settings.orders_queue_url, queues),
        journal=journal,
        prices=VenuePrices(connect_venues(settings, database), timedelta(seconds=settings.venue_timeout_seconds)),
        canceller=Canceller(orders=orders, journal=journal),
        interval=timedelta(seconds=settings.trigger_interval_seconds),
        watchdog=timedelta(seconds=settings.watchdog_seconds),
    )


register_before_snapshot(trigger)
