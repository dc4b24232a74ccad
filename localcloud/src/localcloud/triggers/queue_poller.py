"""An event source mapping: receives batches from a queue and invokes the function with them."""

import asyncio
import itertools
from typing import Any

from localcloud.aws_json import AwsError, AwsJson
from localcloud.lambdas.pool import FunctionPool
from localcloud.template.model import Queue, QueueMapping
from localcloud.triggers.sqs_events import Message, processed, sqs_event

_RECEIVE_LIMIT = 10
_WAIT_SECONDS = 1  # limits how long a stop waits for a receive: if aborted, it may leave messages hidden
_FIRST_CONCURRENCY = 1  # while one runs, messages accumulate to fuller batches, which cost less
_RAMP_SECONDS = 0.2
_ERROR_SECONDS = 1


class QueuePoller:
    """Receives only while an invocation can start, so that messages do not spend their visibility timeout here."""

    def __init__(self, mapping: QueueMapping, queue: Queue, pool: FunctionPool, aws: AwsJson) -> None:
        self._mapping = mapping
        self._queue = queue
        self._pool = pool
        self._aws = aws
        self._most = min(mapping.maximum_concurrency or pool.limit, pool.limit)
        self._allowed = _FIRST_CONCURRENCY
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run())

    async def stop(self, grace: float) -> None:
        """Stops receiving; the messages of invocations that do not end within `grace` seconds become visible again."""
        self._stopping = True
        if self._loop is not None:
            await asyncio.wait([self._loop], timeout=_WAIT_SECONDS + 1)
            self._loop.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping:
            await self._until_one_may_start()
            try:
                messages = await self._receive_batch()
            except AwsError:
                await asyncio.sleep(_ERROR_SECONDS)
                continue
            if messages:
                task = asyncio.create_task(self._process(messages))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
                if len(messages) < self._mapping.batch_size and not self._pool.more_would_help():
                    self._allowed = max(_FIRST_CONCURRENCY, self._allowed - 1)  # fuller batches cost less
            elif not self._running:
                self._allowed = _FIRST_CONCURRENCY

    async def _until_one_may_start(self) -> None:
        """Waits until an invocation may start; while none may, doubles the limit every 200 ms if that would help."""
        while len(self._running) >= self._allowed and not self._stopping:
            await asyncio.wait(self._running, timeout=_RAMP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if len(self._running) >= self._allowed and self._pool.more_would_help():
                self._allowed = min(2 * self._allowed, self._most)
        if self._pool.starts_fail:
            # Every receive counts towards the move to the dead-letter queue, and the next start will probably fail.
            await asyncio.sleep(_ERROR_SECONDS)
        await self._pool.room()

    async def _receive_batch(self) -> list[Message]:
        loop = asyncio.get_running_loop()
        messages = await self._receive(self._mapping.batch_size, _WAIT_SECONDS)
        deadline = loop.time() + self._mapping.window
        while messages and loop.time() < deadline and not self._stopping:
            missing = self._mapping.batch_size - len(messages)
            if missing <= 0:
                break
            messages += await self._receive(missing, _WAIT_SECONDS)
        return messages

    async def _receive(self, number: int, wait: int) -> list[Message]:
        received = await self._call(
            "ReceiveMessage",
            MaxNumberOfMessages=min(number, _RECEIVE_LIMIT),
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[Message] = received.get("Messages") or []
        return messages

    async def _process(self, messages: list[Message]) -> None:
        try:
            outcome = await self._pool.invoke(sqs_event(messages, self._queue.arn), timeout=None)
        except asyncio.CancelledError:
            await self._batches("ChangeMessageVisibilityBatch", messages, VisibilityTimeout=0)
            raise
        done = processed(messages, outcome, reports_item_failures=self._mapping.reports_item_failures)
        await self._batches("DeleteMessageBatch", done)

    async def _batches(self, operation: str, messages: list[Message], **fields: Any) -> None:
        remaining = iter(messages)
        while batch := list(itertools.islice(remaining, _RECEIVE_LIMIT)):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"], **fields}
                for number, message in enumerate(batch)
            ]
            try:
                await self._call(operation, Entries=entries)
            except AwsError:
                return  # as on AWS, a message that is not deleted is delivered again

    async def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        return await self._aws.call("sqs", operation, {"QueueUrl": self._queue.url, **request})
