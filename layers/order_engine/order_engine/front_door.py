"""Wiring shared by the functions that take requests: api and websocket."""

from dataclasses import dataclass
from datetime import timedelta

from order_engine.adapters.aws import JsonService
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.postgres.triggers import TriggerStore
from order_engine.adapters.sqs import OrdersQueue, StatusQueue, TriggerQueue
from order_engine.domain.orders import Lifetimes
from order_engine.settings import MockSettings
from order_engine.use_cases.cancel import Canceller
from order_engine.use_cases.prices import VenuePrices
from order_engine.use_cases.replace import Replacer
from order_engine.use_cases.submit import Submitter
from order_engine.use_cases.wake import Waker
from order_engine.venues import connect_venues

_DATABASE_TIME_LIMIT = timedelta(seconds=2.5)  # a client is waiting for the response


class FrontDoorSettings(MockSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    status_queue_url: str
    trigger_queue_url: str
    order_lifetime_seconds: float
    resting_lifetime_seconds: float
    min_lifetime_seconds: float
    max_lifetime_seconds: float
    price_tolerance_bps: int
    watchdog_seconds: float
    venue_timeout_seconds: float


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """What requests need."""

    database: Database
    orders: OrderStore
    submitter: Submitter
    canceller: Canceller
    replacer: Replacer
    triggers: TriggerStore
    waker: Waker


def build_front_door(settings: FrontDoorSettings, queues: JsonService) -> FrontDoor:
    """Build what requests need."""
    database = Database(settings.database_url, _DATABASE_TIME_LIMIT)
    orders = OrderStore(database)
    watchdog = timedelta(seconds=settings.watchdog_seconds)
    journal = Journal(database, StatusQueue(settings.status_queue_url, queues), watchdog=watchdog)
    venue_timeout = timedelta(seconds=settings.venue_timeout_seconds)
    prices = VenuePrices(connect_venues(settings, database), venue_timeout)
    lifetimes = Lifetimes(
        market=timedelta(seconds=settings.order_lifetime_seconds),
        resting=timedelta(seconds=settings.resting_lifetime_seconds),
        shortest=timedelta(seconds=settings.min_lifetime_seconds),
        longest=timedelta(seconds=settings.max_lifetime_seconds),
    )
    triggers = TriggerStore(database)
    waker = Waker(triggers, TriggerQueue(settings.trigger_queue_url, queues))
    return FrontDoor(
        triggers=triggers,
        waker=waker,
        database=database,
        orders=orders,
        submitter=Submitter(
            orders=orders,
            queue=OrdersQueue(settings.orders_queue_url, queues),
            journal=journal,
            prices=prices,
            waker=waker,
            lifetimes=lifetimes,
            watchdog=watchdog,
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
    )
