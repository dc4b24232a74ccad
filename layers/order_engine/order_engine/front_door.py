"""Wiring shared by the functions that take requests: api and websocket."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from order_engine.adapters.aws import JsonService
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.postgres.triggers import TriggerStore
from order_engine.adapters.sqs import OrdersQueue
from order_engine.composition import build_journal, build_waker
from order_engine.domain.orders import Lifetimes
from order_engine.settings import FrontDoorSettings
from order_engine.use_cases.cancel import Canceller
from order_engine.use_cases.prices import VenuePrices
from order_engine.use_cases.replace import Replacer
from order_engine.use_cases.submit import Submitter
from order_engine.use_cases.wake import Waker
from order_engine.venues import connect_venues
from order_engine.venues.protocol import Venue

_DATABASE_TIME_LIMIT = timedelta(seconds=2.5)  # a client is waiting for the response


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoor:
    """What requests need."""

    submitter: Submitter
    canceller: Canceller
    replacer: Replacer
    orders: OrderStore
    triggers: TriggerStore
    waker: Waker
    venues: Sequence[Venue]
    venue_timeout: timedelta


def build_front_door(settings: FrontDoorSettings, queues: JsonService) -> FrontDoor:
    """Build what requests need."""
    database = Database(settings.database_url, _DATABASE_TIME_LIMIT)
    orders = OrderStore(database)
    journal = build_journal(settings, database, queues)
    waker = build_waker(settings, database, queues)
    venues = connect_venues(settings, database)
    venue_timeout = timedelta(seconds=settings.venue_timeout_seconds)
    prices = VenuePrices(venues, venue_timeout)
    lifetimes = Lifetimes(
        market=timedelta(seconds=settings.order_lifetime_seconds),
        resting=timedelta(seconds=settings.resting_lifetime_seconds),
        shortest=timedelta(seconds=settings.min_lifetime_seconds),
        longest=timedelta(seconds=settings.max_lifetime_seconds),
    )
    return FrontDoor(
        submitter=Submitter(
            orders=orders,
            queue=OrdersQueue(settings.orders_queue_url, queues),
            journal=journal,
            prices=prices,
            waker=waker,
            lifetimes=lifetimes,
            watchdog=timedelta(seconds=settings.watchdog_seconds),
            price_tolerance_bps=settings.price_tolerance_bps,
        ),
        canceller=Canceller(orders=orders, journal=journal),
        replacer=Replacer(
            orders=orders,
            journal=journal,
            prices=prices,
            lifetimes=lifetimes,
            price_tolerance_bps=settings.price_tolerance_bps,
        ),
        orders=orders,
        triggers=TriggerStore(database),
        waker=waker,
        venues=venues,
        venue_timeout=venue_timeout,
    )
