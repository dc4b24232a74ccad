"""The SQS queues. AwsError is translated to QueueUnavailable."""

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

_BATCH = 10  # SQS's limit of messages per request
_REQUESTS_AT_ONCE = 5  # the number of asyncio's threads in a small function
_LONGEST_DELAY_SECONDS = 900
_PARSE_ERRORS = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
_IDS_PER_MESSAGE = 256  # as many as a chain returns statuses for in one response


class _Queue:
    """The common part of the queues. Methods raise QueueUnavailable if SQS is unavailable."""

    def __init__(self, url: str, sqs: JsonService) -> None:
        self._url = url
        self._sqs = sqs

    async def change_visibility(self, receipt_handles: Sequence[str], seconds: int) -> None:
        """Set the visibility timeout of received messages, in seconds from now. Tries all, even if some fail."""
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
        """Send one request; a partial failure of a batch counts as a failure."""
        if (await self._request(operation, **request)).get("Failed"):
            raise QueueUnavailable()

    async def _request(self, operation: str, **request: Any) -> Any:
        try:
            return await asyncio.to_thread(self._sqs.call, operation, QueueUrl=self._url, **request)
        except AwsError as error:
            raise QueueUnavailable() from error


class OrdersQueue(_Queue):
    """The queue of order ids for the workers."""

    async def send(self, order_id: UUID, delay: timedelta = timedelta()) -> None:
        """Queue one order for execution, after a delay of up to 15 minutes."""
        await self._call("SendMessage", MessageBody=_order_message(order_id), DelaySeconds=_delay_seconds(delay))

    async def send_all(self, order_ids: Sequence[UUID], delay: timedelta = timedelta()) -> list[UUID]:
        """Queue many orders, ten per request, after a delay; returns those that the queue accepted, possibly none."""
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
        if len(order_ids) == 1:  # a smaller request
            try:
                await self.send(order_ids[0], delay)
            except QueueUnavailable as error:
                return error
            return list(order_ids)
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
    """The queue of orders in flight for the confirmer, many per message."""

    async def send(self, order_ids: Sequence[UUID], delay: timedelta) -> None:
        """Have the confirmer check these orders, after a delay of up to 15 minutes."""
        for start in range(0, len(order_ids), _IDS_PER_MESSAGE):
            ids = [str(order_id) for order_id in order_ids[start : start + _IDS_PER_MESSAGE]]
            await self._call(
                "SendMessage", MessageBody=json.dumps({"orderIds": ids}), DelaySeconds=_delay_seconds(delay)
            )


class TriggerQueue(_Queue):
    """The queue of messages that start the trigger."""

    async def send(self) -> None:
        """Start the trigger."""
        await self._call("SendMessage", MessageBody="{}")


class PoisonQueue(_Queue):
    """The queue of messages without a known order, for manual inspection."""

    async def send(self, body: str) -> None:
        """Send a message unchanged."""
        await self._call("SendMessage", MessageBody=body)


class StatusQueue(_Queue):
    """The queue of committed events for the notifier, in order per sender."""

    @cached_property
    def _sender(self) -> str:
        """The FIFO group of this execution environment. Created by the first send: snapshots must not share it."""
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
    """The order id in a message of the orders queue; None if there is none."""
    try:
        return UUID(json.loads(body)["orderId"])
    except _PARSE_ERRORS:
        return None


def order_ids_in(body: str) -> list[UUID]:
    """The order ids in a message of the orders or confirmations queue; empty if there are none."""
    try:
        message = json.loads(body)
        ids = [message["orderId"]] if "orderId" in message else message["orderIds"]
        return [UUID(order_id) for order_id in ids]
    except _PARSE_ERRORS:
        return []


def _delay_seconds(delay: timedelta) -> int:
    return min(math.ceil(delay.total_seconds()), _LONGEST_DELAY_SECONDS)


def _order_message(order_id: UUID) -> str:
    return json.dumps({"orderId": str(order_id)})
