"""Push committed events to the subscribed connections."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any

from order_engine.domain.errors import ConnectionsUnavailable
from order_engine.domain.pushes import Undelivered
from order_engine.domain.topics import account_topic, order_topic
from order_engine.observability import error_fields, logger
from order_engine.observability.metrics import FRAMES_PUSHED, PUSH_FAILURES, metrics
from order_engine.use_cases.ports import Connections, Gateway

_FRAME_BYTES = 32_000  # API Gateway meters messages by 32 kB and closes a connection that gets a larger frame
_LATE = "late"  # kind of failure: the batch ran out of time first


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """A committed event: its account, and the document to push."""

    account: str
    document: Mapping[str, Any]


@dataclass(slots=True)
class _Delivery:
    """The frames of a batch for one connection, in order, and how many of them were sent."""

    connection_id: str
    topics: list[str] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    sent: int = 0
    failure: Undelivered | None = None

    @property
    def missed(self) -> int:
        """Frames that were not sent."""
        return len(self.frames) - self.sent


def notify(
    events: Sequence[StatusEvent],
    connections: Connections,
    gateway: Gateway,
    pool: Executor,
    time_limit: timedelta,
) -> None:
    """Post the events, in order per connection and in parallel across them, for at most `time_limit`.

    A connection gets no more frames of the batch after one that fails: the client sees a gap and resumes from Postgres.
    A closed connection is unsubscribed from its topics. Raises ConnectionsUnavailable before anything is posted.
    """
    by_topic: dict[str, list[StatusEvent]] = defaultdict(list)
    for event in events:
        by_topic[order_topic(event.account, event.document["orderId"])].append(event)
        by_topic[account_topic(event.account)].append(event)
    listening = connections.listening_to(list(by_topic))
    deliveries = _deliveries(listening, by_topic)
    deadline = monotonic() + time_limit.total_seconds()
    posting = [pool.submit(_deliver, delivery, deadline, connections, gateway) for delivery in deliveries.values()]
    finished, _ = wait(posting, timeout=time_limit.total_seconds())  # a post in progress ends at its own timeout
    for done in finished:
        done.result()  # raises the exception of the post, if any
    _count(deliveries.values())
    _log(events, listening, deliveries)


def _deliveries(
    listening: Mapping[str, Collection[str]], by_topic: Mapping[str, Sequence[StatusEvent]]
) -> dict[str, _Delivery]:
    """The deliveries, by connection id."""
    deliveries: dict[str, _Delivery] = {}
    for topic, connection_ids in listening.items():
        frames = list(_frames(topic, by_topic[topic]))
        for connection_id in connection_ids:
            delivery = deliveries.setdefault(connection_id, _Delivery(connection_id))
            delivery.topics.append(topic)
            delivery.frames += frames
    return deliveries


def _frames(topic: str, events: Sequence[StatusEvent]) -> Iterator[str]:
    """The frames of a topic: one event per frame for an order, as many as fit for an account."""
    texts = [json.dumps(event.document, separators=(",", ":")) for event in events]
    return _account_frames(texts) if topic == account_topic(events[0].account) else iter(texts)


def _account_frames(texts: Sequence[str]) -> Iterator[str]:
    empty = len(_account_frame([]))
    frame: list[str] = []
    size = empty
    for text in texts:
        if frame and size + len(text) > _FRAME_BYTES:
            yield _account_frame(frame)
            frame, size = [], empty
        frame.append(text)
        size += len(text) + len(",")
    yield _account_frame(frame)


def _account_frame(texts: Sequence[str]) -> str:
    return f'{{"type":"events","events":[{",".join(texts)}]}}'


def _deliver(delivery: _Delivery, deadline: float, connections: Connections, gateway: Gateway) -> None:
    for frame in delivery.frames:
        if monotonic() >= deadline:
            return
        delivery.failure = gateway.post(delivery.connection_id, frame)
        if delivery.failure:
            break
        delivery.sent += 1
    if delivery.failure is Undelivered.GONE:
        _unsubscribe(delivery, connections)


def _unsubscribe(delivery: _Delivery, connections: Connections) -> None:
    try:
        for topic in delivery.topics:
            connections.remove(topic, delivery.connection_id)
    except ConnectionsUnavailable as error:
        about = {"connection_id": delivery.connection_id, **error_fields(error)}
        logger.warning("not unsubscribed; the next post to the connection will do it", extra=about)


def _count(deliveries: Collection[_Delivery]) -> None:
    pushed = sum(delivery.sent for delivery in deliveries)
    if pushed:
        metrics.add(FRAMES_PUSHED, pushed)
    failures: Counter[str] = Counter()
    for delivery in deliveries:
        if delivery.missed:
            failures[delivery.failure or _LATE] += delivery.missed
    for kind, frames in failures.items():
        metrics.add(PUSH_FAILURES, frames, of=kind)
    if failures[_LATE]:
        logger.warning("not pushed in time", extra={"frames": failures[_LATE]})


def _log(events: Sequence[StatusEvent], listening: Mapping[str, set[str]], deliveries: Mapping[str, _Delivery]) -> None:
    """Log a line for every order with subscribers; at DEBUG if all got it, as these would be most of all lines."""
    sequences: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        sequences[event.account, event.document["orderId"]].append(event.document["sequence"])
    for (account, order_id), pushed in sequences.items():
        listeners = listening.get(order_topic(account, order_id), set()) | listening.get(account_topic(account), set())
        if listeners:
            missed = sum(deliveries[listener].missed > 0 for listener in listeners)
            about = {"order_id": order_id, "sequences": pushed, "listeners": len(listeners), "missed": missed}
            say = logger.info if missed else logger.debug
            say("pushed", extra=about)
