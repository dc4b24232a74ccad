"""Status queue → the subscribed WebSocket connections."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import dynamodb, sqs
from order_engine.adapters.connections import Connections
from order_engine.adapters.gateway import Gateway, connections_endpoint
from order_engine.adapters.sqs import StatusQueue
from order_engine.contracts import status_messages
from order_engine.domain.errors import ConnectionsUnavailable, QueueUnavailable
from order_engine.observability import error_fields, logger
from order_engine.observability.metrics import measured
from order_engine.runtime import run
from order_engine.settings import Settings as BaseSettings
from order_engine.use_cases.notify import StatusEvent, notify

_POSTS_AT_ONCE = 144  # a thousand connections that time out twice, after a second each, fit into the time limit
_TIME_LIMIT = timedelta(seconds=15)  # for a batch's posts; with its lookups, still within the function's timeout
_SECONDS_WITHOUT_TABLE = 5


class Settings(BaseSettings):
    """See template.yaml."""

    connections_table: str
    connections_endpoint: str
    status_queue_url: str


@dataclass(frozen=True, slots=True)
class Notifier:
    """The dependencies of the handler."""

    connections: Connections
    gateway: Gateway
    pool: ThreadPoolExecutor


@cache
def notifier() -> Notifier:
    """The composition root: built on the first event."""
    settings = Settings.from_environment()
    return Notifier(
        Connections(settings.connections_table, dynamodb()),
        Gateway(connections_endpoint(settings.connections_endpoint, _POSTS_AT_ONCE)),
        ThreadPoolExecutor(_POSTS_AT_ONCE),
    )


register_before_snapshot(notifier)


@cache
def status_queue() -> StatusQueue:
    """Built only when messages have to be postponed."""
    return StatusQueue(Settings.from_environment().status_queue_url, sqs())


@measured
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> dict[str, Any]:
    """SQS event → the messages to redeliver: none, or the whole batch (in order) if DynamoDB is unavailable."""
    records = list(event.records)
    events = [
        StatusEvent(account, document)
        for record in records
        for account, document in status_messages.unpack(record.body)
    ]
    work = notifier()
    try:
        notify(events, work.connections, work.gateway, work.pool, _TIME_LIMIT)
    except ConnectionsUnavailable as error:
        for order_id in {event.document["orderId"] for event in events}:
            logger.warning("not pushed yet", extra={"order_id": order_id, **error_fields(error)})
        _postpone(records)
        return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in records]}
    return {"batchItemFailures": []}


def _postpone(records: Sequence[SQSRecord]) -> None:
    try:
        run(status_queue().change_visibility([record.receipt_handle for record in records], _SECONDS_WITHOUT_TABLE))
    except QueueUnavailable as error:
        logger.warning("not postponed; redelivered after the visibility timeout", extra=error_fields(error))
