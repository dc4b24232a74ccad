"""The api's composition root."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import OrdersQueue, sqs_client
from order_engine.settings import MockSettings
from order_engine.venues import connect_venues
from order_engine.venues.protocol import Venue

_DATABASE_PATIENCE = 2.5  # seconds; a client waits for the answer


class Settings(MockSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    watchdog_seconds: float
    venue_timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Desk:
    """What requests are answered with."""

    orders: OrderStore
    queue: OrdersQueue
    venues: Sequence[Venue]
    watchdog: float
    venue_timeout: float


@cache
def desk() -> Desk:
    """Built at the first request, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    return Desk(
        OrderStore(Database(settings.database_url, _DATABASE_PATIENCE)),
        OrdersQueue(settings.orders_queue_url, sqs_client()),
        connect_venues(settings),
        settings.watchdog_seconds,
        settings.venue_timeout_seconds,
    )


register_before_snapshot(desk)
