"""The confirmer's composition root."""

from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import ConfirmationsQueue, OrdersQueue
from order_engine.composition import build_journal
from order_engine.settings import SettlerSettings
from order_engine.settling import build_settler
from order_engine.use_cases.confirm import Confirmer
from order_engine.venues import connect

_DATABASE_TIME_LIMIT = timedelta(seconds=5)  # half of the function's timeout, so that it can still return its messages


class Settings(SettlerSettings):
    """See template.yaml."""

    orders_queue_url: str
    confirmations_queue_url: str
    confirmation_interval_seconds: float


@cache
def confirmer() -> Confirmer:
    """Built on the first event, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    database = Database(settings.database_url, _DATABASE_TIME_LIMIT)
    queues = sqs()
    _, chain = connect(settings, database)
    journal = build_journal(settings, database, queues)
    return Confirmer(
        orders=OrderStore(database),
        journal=journal,
        queue=OrdersQueue(settings.orders_queue_url, queues),
        confirmations=ConfirmationsQueue(settings.confirmations_queue_url, queues),
        settler=build_settler(settings, journal, chain, database, queues),
        interval=timedelta(seconds=settings.confirmation_interval_seconds),
    )


register_before_snapshot(confirmer)
