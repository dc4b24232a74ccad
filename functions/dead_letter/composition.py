"""The dead-letter function's composition root."""

from dataclasses import dataclass
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import ConfirmationsQueue, OrdersQueue, PoisonQueue
from order_engine.composition import build_journal
from order_engine.settings import SettlerSettings
from order_engine.settling import build_settler
from order_engine.use_cases.settle_dead_letters import DeadLetterHandler
from order_engine.venues import connect


class Settings(SettlerSettings):
    """See template.yaml."""

    orders_queue_url: str
    poison_queue_url: str
    confirmations_queue_url: str


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dependencies of the handler."""

    handler: DeadLetterHandler
    poison: PoisonQueue


@cache
def dead_letters() -> DeadLetters:
    """Built on the first event, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    database = Database(settings.database_url)
    queues = sqs()
    _, chain = connect(settings, database)
    journal = build_journal(settings, database, queues)
    handler = DeadLetterHandler(
        orders=OrderStore(database),
        journal=journal,
        queue=OrdersQueue(settings.orders_queue_url, queues),
        confirmations=ConfirmationsQueue(settings.confirmations_queue_url, queues),
        settler=build_settler(settings, journal, chain, database, queues),
    )
    return DeadLetters(handler, PoisonQueue(settings.poison_queue_url, queues))


register_before_snapshot(dead_letters)
