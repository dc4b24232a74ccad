"""Orders dead-letter queue → orders are requeued or finished; messages without a known order go to the poison queue."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from composition import DeadLetters, dead_letters
from order_engine.adapters.sqs import order_ids_in
from order_engine.domain.errors import DatabaseUnavailable, QueueUnavailable
from order_engine.observability import error_fields, logger
from order_engine.observability.metrics import measured
from order_engine.runtime import run

_TO_WRAP_UP = timedelta(seconds=3)


@measured
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> dict[str, Any]:
    """SQS event → the messages to redeliver, because they cannot be settled yet."""
    time_limit = timedelta(milliseconds=context.get_remaining_time_in_millis()) - _TO_WRAP_UP
    left = run(_settle(list(event.records), time_limit, dead_letters()))
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in left]}


async def _settle(records: list[SQSRecord], time_limit: timedelta, work: DeadLetters) -> list[SQSRecord]:
    ids = {record.message_id: set(order_ids_in(record.body)) for record in records}
    all_ids: set[UUID] = set().union(*ids.values())
    try:
        settlement = await work.handler.settle(all_ids, time_limit)
    except DatabaseUnavailable as error:
        for order_id in all_ids:
            logger.warning("dead letter not settled yet", extra={"order_id": str(order_id), **error_fields(error)})
        return records
    left = []
    for record in records:
        known = ids[record.message_id] - settlement.unknown
        done = known <= settlement.settled if known else await _put_aside(record, work)
        if not done:
            left.append(record)
    return left


async def _put_aside(record: SQSRecord, work: DeadLetters) -> bool:
    about = {"message_id": record.message_id}
    try:
        await work.poison.send(record.body)
    except QueueUnavailable as error:
        logger.warning("message without a known order not moved to poison queue yet", extra=about | error_fields(error))
        return False
    logger.error("message without a known order moved to poison queue", extra=about)
    return True
