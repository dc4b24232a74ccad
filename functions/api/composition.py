"""The api function's composition root."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import OrdersQueue
from order_engine.settings import MockSettings
from order_engine.use_cases.submit import Submitter
from order_engine.venues import connect_venues
from order_engine.venues.protocol import Venue

_DATABASE_TIME_LIMIT = timedelta(seconds=2.5)  # a client is waiting for the response


class Settings(MockSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    order_lifetime_seconds: float
    watchdog_seconds: float
    venue_timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The dependencies of the routes."""

    submitter: Submitter
    orders: OrderStore
    venues: Sequence[Venue]
    venue_timeout: timedelta


@cache
def dependencies() -> Dependencies:
    """Built on the first request, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    orders = OrderStore(Database(settings.database_url, _DATABASE_TIME_LIMIT))
    submitter = Submitter(
        orders=orders,
        queue=OrdersQueue(settings.orders_queue_url, sqs()),
        lifetime=timedelta(seconds=settings.order_lifetime_seconds),
        watchdog=timedelta(seconds=settings.watchdog_seconds),
    )
    return Dependencies(
        submitter=submitter,
        orders=orders,
        venues=connect_venues(settings),
        venue_timeout=timedelta(seconds=settings.venue_timeout_seconds),
    )


register_before_snapshot(dependencies)
