"""Orders dead-letter queue → back to work, or the last word on the order."""

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import OrdersQueue, StatusQueue, order_id_in, sqs_client
from order_engine.runtime import run
from order_engine.settings import MockSettings
from order_engine.use_cases.bury import Undertaker
from order_engine.venues import connect


class Settings(MockSettings):
    """See template.yaml."""

    database_url: str
    orders_queue_url: str
    status_queue_url: str
    max_attempts: int


@cache
def undertaker() -> Undertaker:
    """The composition root: built at the first event."""
    settings = Settings.from_environment()
    database = Database(settings.database_url)
    sqs = sqs_client()
    _, chain = connect(settings, database)
    return Undertaker(
        OrderStore(database),
        Journal(database, StatusQueue(settings.status_queue_url, sqs)),
        OrdersQueue(settings.orders_queue_url, sqs),
        chain,
        settings.max_attempts,
    )


@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> dict[str, Any]:
    """SQS event → the messages that stay: not about a known order, or not to be settled yet."""
    ids = {record.message_id: order_id_in(record.body) for record in event.records}
    done = run(undertaker().bury({order_id for order_id in ids.values() if order_id}))
    left = [message_id for message_id, order_id in ids.items() if order_id not in done]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in left]}
