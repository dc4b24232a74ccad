"""Orders queue → execution of one batch, with all its orders concurrently."""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from composition import Worker, worker
from order_engine.adapters.sqs import order_id_in
from order_engine.domain.errors import DatabaseUnavailable, QueueUnavailable
from order_engine.observability import error_fields, logger
from order_engine.observability.metrics import measured
from order_engine.runtime import run

_TO_WRAP_UP = timedelta(seconds=3)
_WITHOUT_DATABASE = timedelta(seconds=10)


@measured
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> dict[str, Any]:
    """SQS event → the messages to redeliver."""
    time_limit = timedelta(milliseconds=context.get_remaining_time_in_millis()) - _TO_WRAP_UP
    left = run(_execute(list(event.records), time_limit, worker()))
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in left]}


async def _execute(records: list[SQSRecord], time_limit: timedelta, worker: Worker) -> list[SQSRecord]:
    by_order: dict[UUID | None, list[SQSRecord]] = defaultdict(list)
    for record in records:
        by_order[order_id_in(record.body)].append(record)
    unparsable = by_order.pop(None, [])
    orders: dict[UUID, list[SQSRecord]] = {order_id: by_order[order_id] for order_id in by_order if order_id}

    async def postpone(order_id: UUID, delay: timedelta) -> None:
        await _change_visibility(orders[order_id], delay, worker)

    await _change_visibility(
        unparsable, timedelta(), worker
    )  # redelivered at once, to reach the dead-letter queue soon
    try:
        done = await worker.executor.execute(orders.keys(), time_limit, postpone)
    except DatabaseUnavailable as error:
        for order_id in orders:
            logger.warning("no database; will be redelivered", extra={"order_id": str(order_id), **error_fields(error)})
        await _change_visibility(records, _WITHOUT_DATABASE, worker)
        return records
    return unparsable + [record for order_id in orders.keys() - done for record in orders[order_id]]


async def _change_visibility(records: Sequence[SQSRecord], delay: timedelta, worker: Worker) -> None:
    try:
        # Rounded up: a message that is redelivered too early wastes one of its receives.
        await worker.queue.change_visibility(
            [record.receipt_handle for record in records], math.ceil(delay.total_seconds())
        )
    except QueueUnavailable as error:
        for record in records:
            about = {"order_id": str(order_id_in(record.body)), "message_id": record.message_id}
            logger.warning("not postponed; redelivered after the visibility timeout", extra=about | error_fields(error))
