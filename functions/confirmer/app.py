"""Confirmations queue → orders in flight are settled, a whole batch with one call to the chain."""

from datetime import timedelta
from typing import Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from composition import confirmer
from order_engine.adapters.sqs import order_ids_in
from order_engine.domain.errors import DatabaseUnavailable, QueueUnavailable
from order_engine.observability import error_fields, logger
from order_engine.observability.metrics import measured
from order_engine.runtime import run

_TO_WRAP_UP = timedelta(seconds=3)


@measured
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> dict[str, Any]:
    """SQS event → the messages to redeliver: all of them if their orders could not be checked."""
    time_limit = timedelta(milliseconds=context.get_remaining_time_in_millis()) - _TO_WRAP_UP
    orders = {record.message_id: order_ids_in(record.body) for record in event.records}
    left = [message_id for message_id, ids in orders.items() if not ids]  # without orders: for the dead-letter queue
    try:
        run(confirmer().confirm({order_id for ids in orders.values() for order_id in ids}, time_limit))
    except (DatabaseUnavailable, QueueUnavailable) as error:
        logger.warning("not checked; will be redelivered", extra={"messages": len(orders), **error_fields(error)})
        left = list(orders)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in left]}
