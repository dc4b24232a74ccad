"""The queues. AwsError becomes QueueUnavailable."""

import asyncio
import json
import math
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from order_engine.adapters.aws import AwsError, JsonService
from order_engine.contracts import status_messages
from order_engine.domain.errors import QueueUnavailable
from order_engine.domain.orders import OrderEvent
from order_engine.observability import error_fields, logger

_BATCH = 10  # SQS takes no more messages in a request
_REQUESTS_AT_ONCE = 5  # the threads that a small function's asyncio has
_LONGEST_DELAY_SECONDS = 900
_NONSENSE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
_IDS_PER_MESSAGE = 256  # as many as a chain says the statuses of in one answer


class _Queue:
    """What the queues have in common. Methods raise QueueUnavailable when SQS is away."""

    def __init__(self, url: str, sqs: JsonService) -> None:
        self._url = url
        self._sqs = sqs

    async def change_visibility(self, receipt_handles: Sequence[str], seconds: int) -> None:
        """Let received messages come back after so many seconds from now, all of them that SQS takes."""
        batches = (receipt_handles[start : start + _BATCH] for start in range(0, len(receipt_handles), _BATCH))
        outcomes = await asyncio.gather(
            *(self._change_visibility(batch, seconds) for batch in batches), return_exceptions=True
        )
        for failure in filter(None, outcomes):
            raise failure

    async def _change_visibility(self, receipt_handles: Sequence[str], seconds: int) -> None:
        entries = [
            {"Id": str(index), "ReceiptHandle": receipt_handle, "VisibilityTimeout": seconds}
            for index, receipt_handle in enumerate(receipt_handles)
        ]
        await self._call("ChangeMessageVisibilityBatch", Entries=entries)

    async def _call(self, operation: str, **request: Any) -> None:
        """One request; what failed of a batch counts as all failed."""
        if (await self._request(operation, **request)).get("Failed"):
            raise QueueUnavailable()

    async def _request(self, operation: str, **request: Any) -> Any:
        try:
            return await asyncio.to_thread(self._sqs.call, operation, QueueUrl=self._url, **request)
        except AwsError as error:
            raise QueueUnavailable() from error


class OrdersQueue(_Queue):
    """Order ids on their way to a worker."""

    async def send(self, order_id: UUID, delay: timedelta = timedelta()) -> None:
        """Send one order to be executed, after a delay of up to 15 minutes."""
        await self._call("SendMessage", MessageBody=_order_message(order_id), DelaySeconds=_delay_seconds(delay))

    async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> list[UUID]:
        """Send many, ten to a request, after a delay; returns those that the queue took, which may be none."""
        chunks = [order_ids[start : start + _BATCH] for start in range(0, len(order_ids), _BATCH)]
        taken: list[UUID] = []
        for start in range(0, len(chunks), _REQUESTS_AT_ONCE):
            sending = (self._send_chunk(chunk, delay) for chunk in chunks[start : start + _REQUESTS_AT_ONCE])
            results = await asyncio.gather(*sending)
            taken += [order_id for result in results if not isinstance(result, QueueUnavailable) for order_id in result]
            for failure in results:
                if isinstance(failure, QueueUnavailable):
                    about = {"orders": len(order_ids) - len(taken), **error_fields(failure)}
                    logger.warning("not queued", extra=about)
                    return taken
        return taken

    async def _send_chunk(self, order_ids: Sequence[UUID], delay: timedelta) -> list[UUID] | QueueUnavailable:
        entries = [
            {"Id": str(index), "MessageBody": _order_message(order_id), "DelaySeconds": _delay_seconds(delay)}
            for index, order_id in enumerate(order_ids)
        ]
        try:
            answer = await self._request("SendMessageBatch", Entries=entries)
        except QueueUnavailable as error:
            return error
        return [order_ids[int(entry["Id"])] for entry in answer.get("Successful", [])]


class ConfirmationsQueue(_Queue):
    """Orders in flight, on their way to the confirmer: many to a message."""

    async def send(self, order_ids: Sequence[UUID], delay: timedelta) -> None:
        """Have the confirmer look at these after a delay of up to 15 minutes."""
        for start in range(0, len(order_ids), _IDS_PER_MESSAGE):
            ids = [str(order_id) for order_id in order_ids[start : start + _IDS_PER_MESSAGE]]
            await self._call(
                "SendMessage", MessageBody=json.dumps({"orderIds": ids}), DelaySeconds=_delay_seconds(delay)
            )


class PoisonQueue(_Queue):
    """Messages of the orders queue that are about no order: for people to look at."""

    async def send(self, body: str) -> None:
        """Put one aside as it is."""
        await self._call("SendMessage", MessageBody=body)


class StatusQueue(_Queue):
    """Committed events on their way to the notifier, in order per sender."""

    @cached_property
    def _sender(self) -> str:
        """The FIFO group: this execution environment. Not known before the first send: a snapshot has many copies."""
        return uuid4().hex

    async def publish(self, events: Sequence[OrderEvent]) -> None:
        """Send events, as one message if they fit."""
        for body in status_messages.pack(events):
            await self._call(
                "SendMessage",
                MessageBody=body,
                MessageGroupId=self._sender,
                MessageDeduplicationId=uuid4().hex,
            )


def order_id_in(body: str) -> UUID | None:
    """The order that a message of the orders queue is about; None if it is about none."""
    try:
        return UUID(json.loads(body)["orderId"])
    except _NONSENSE:
        return None


def order_ids_in(body: str) -> list[UUID]:
    """The orders that a message of the orders or the confirmations queue is about; none if it is about none."""
    try:
        message = json.loads(body)
        ids = [message["orderId"]] if "orderId" in message else message["orderIds"]
        return [UUID(order_id) for order_id in ids]
    except _NONSENSE:
        return []


def _delay_seconds(delay: timedelta) -> int:
    return min(math.ceil(delay.total_seconds()), _LONGEST_DELAY_SECONDS)


def _order_message(order_id: UUID) -> str:
    return json.dumps({"orderId": str(order_id)})
