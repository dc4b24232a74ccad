"""The trigger's composition root."""

from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.postgres.triggers import TriggerStore
from order_engine.adapters.sqs import OrdersQueue, StatusQueue
from order_engine.settings import MockSettings
from order_engine.use_cases.cancel import Canceller
from order_engine.use_cases.prices import VenuePrices
from order_engine.use_cases.trigger import Trigger
from order_engine.venues import connect_venues


class Settings(MockSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    status_queue_url: str
    watchdog_seconds: float
    venue_timeout_seconds: float
    trigger_interval_seconds: float


@cache
def trigger() -> Trigger:
    """Built on the first event."""
    settings = Settings.from_environment()
    database, queues = Database(settings.database_url), sqs()
    orders = OrderStore(database)
    watchdog = timedelta(seconds=settings.watchdog_seconds)
    journal = Journal(database, StatusQueue(settings.status_queue_url, queues), watchdog=watchdog)
    return Trigger(
        triggers=TriggerStore(database),
        orders=orders,
        queue=OrdersQueue(settings.orders_queue_url, queues),
        journal=journal,
        prices=VenuePrices(connect_venues(settings, database), timedelta(seconds=settings.venue_timeout_seconds)),
        canceller=Canceller(orders=orders, journal=journal),
        interval=timedelta(seconds=settings.trigger_interval_seconds),
        watchdog=watchdog,
    )


register_before_snapshot(trigger)
