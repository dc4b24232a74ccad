"""Status queue → the subscribed WebSocket connections."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from composition import notifier, status_queue
from order_engine.contracts import status_messages
from order_engine.domain.errors import ConnectionsUnavailable, QueueUnavailable
from order_engine.observability import error_fields, logger
from order_engine.observability.metrics import measured
from order_engine.runtime import run
from order_engine.use_cases.notify import StatusEvent, notify

_SECONDS_WITHOUT_TABLE = 5


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
        notify(events, work.connections, work.gateway, work.pool, work.time_limit)
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
