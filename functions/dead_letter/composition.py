"""The dead-letter function's composition root."""

from dataclasses import dataclass
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import OrdersQueue, PoisonQueue, StatusQueue, sqs_client
from order_engine.settings import MockSettings
from order_engine.use_cases.bury import Undertaker
from order_engine.venues import connect


class Settings(MockSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    poison_queue_url: str
    status_queue_url: str
    max_attempts: int


@dataclass(frozen=True, slots=True)
class Graveyard:
    """What the handler works with."""

    undertaker: Undertaker
    poison: PoisonQueue


@cache
def graveyard() -> Graveyard:
    """Built at the first event, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    database = Database(settings.database_url)
    sqs = sqs_client()
    _, chain = connect(settings, database)
    undertaker = Undertaker(
        OrderStore(database),
        Journal(database, StatusQueue(settings.status_queue_url, sqs)),
        OrdersQueue(settings.orders_queue_url, sqs),
        chain,
        settings.max_attempts,
    )
    return Graveyard(undertaker, PoisonQueue(settings.poison_queue_url, sqs))


register_before_snapshot(graveyard)
