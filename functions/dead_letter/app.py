"""Orders dead-letter queue → back to work, or the last word on the order. What is about no order is put aside."""

from typing import Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from composition import Graveyard, graveyard
from order_engine.adapters.sqs import order_id_in
from order_engine.domain.errors import DatabaseUnavailable, QueueUnavailable
from order_engine.observability import because, logger
from order_engine.observability.metrics import measured
from order_engine.runtime import run


@measured
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> dict[str, Any]:
    """SQS event → the messages that stay, because they cannot be settled yet."""
    left = run(_bury(list(event.records), graveyard()))
    return {"batchItemFailures": [{"itemIdentifier": record.message_id} for record in left]}


async def _bury(records: list[SQSRecord], graveyard: Graveyard) -> list[SQSRecord]:
    ids = {record.message_id: order_id_in(record.body) for record in records}
    try:
        burial = await graveyard.undertaker.bury({order_id for order_id in ids.values() if order_id})
    except DatabaseUnavailable as error:
        for order_id in filter(None, ids.values()):
            logger.warning("not buried yet", extra={"order_id": str(order_id), **because(error)})
        return records
    poison = [
        record for record in records if (order_id := ids[record.message_id]) is None or order_id in burial.unknown
    ]
    settled = [record for record in records if ids[record.message_id] in burial.settled]
    gone = {record.message_id for record in (*settled, *await _put_aside(poison, graveyard))}
    return [record for record in records if record.message_id not in gone]


async def _put_aside(poison: list[SQSRecord], graveyard: Graveyard) -> list[SQSRecord]:
    try:
        for record in poison:
            logger.error("a message about no order was put aside", extra={"message_id": record.message_id})
            await graveyard.poison.send(record.body)
    except QueueUnavailable as error:
        logger.warning("not put aside yet", extra=because(error))
        return []
    return poison
