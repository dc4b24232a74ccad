"""Push committed events to whoever listens."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain
from typing import Any

from order_engine.domain.pushes import Undelivered
from order_engine.domain.topics import account_topic, order_topic
from order_engine.observability import logger
from order_engine.observability.metrics import FRAMES_PUSHED, PUSH_FAILURES, metrics
from order_engine.use_cases.ports import Connections, Gateway

Outcome = Undelivered | None

_FRAME_BYTES = 32_000  # API Gateway counts a message by 32 kB


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """A committed event: whose it is, and the document to push."""

    account: str
    document: Mapping[str, Any]


def notify(events: Sequence[StatusEvent], connections: Connections, gateway: Gateway, pool: Executor) -> None:
    """Post the events, in order per connection and in parallel across them.

    A connection that is gone is taken off its topics; no connection waits for another.
    """
    by_topic: dict[str, list[StatusEvent]] = defaultdict(list)
    for event in events:
        by_topic[order_topic(event.account, event.document["orderId"])].append(event)
        by_topic[account_topic(event.account)].append(event)
    listening = connections.listening_to(list(by_topic))
    frames: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for topic, connection_ids in listening.items():
        for frame in _frames(topic, by_topic[topic]):
            for connection_id in connection_ids:
                frames[connection_id].append((topic, frame))
    outcomes = pool.map(lambda one: _post_all(one, frames[one], connections, gateway), frames)
    _say(events, listening, dict(zip(frames, outcomes, strict=True)))


def _frames(topic: str, events: Sequence[StatusEvent]) -> Iterator[str]:
    """The frames of a topic: an event each for an order, as many as fit for an account."""
    texts = [json.dumps(event.document, separators=(",", ":")) for event in events]
    return _account_frames(texts) if topic == account_topic(events[0].account) else iter(texts)


def _account_frames(texts: Sequence[str]) -> Iterator[str]:
    frame: list[str] = []
    size = 0
    for text in texts:
        if frame and size + len(text) > _FRAME_BYTES - 64:
            yield _account_frame(frame)
            frame, size = [], 0
        frame.append(text)
        size += len(text) + 1
    yield _account_frame(frame)


def _account_frame(texts: Sequence[str]) -> str:
    return f'{{"type":"events","events":[{",".join(texts)}]}}'


def _post_all(
    connection_id: str, frames: Sequence[tuple[str, str]], connections: Connections, gateway: Gateway
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for _, frame in frames:
        outcomes.append(gateway.post(connection_id, frame))
        if outcomes[-1] is Undelivered.GONE:
            for topic in {topic for topic, _ in frames}:
                connections.remove(topic, connection_id)
            break
    return outcomes


def _say(
    events: Sequence[StatusEvent], listening: Mapping[str, set[str]], outcomes: Mapping[str, Sequence[Outcome]]
) -> None:
    """A log line for every order that somebody listens to, and the metrics."""
    for outcome in chain.from_iterable(outcomes.values()):
        metrics.add(PUSH_FAILURES if outcome else FRAMES_PUSHED, of=outcome)
    sequences: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        sequences[event.account, event.document["orderId"]].append(event.document["sequence"])
    for (account, order_id), pushed in sequences.items():
        listeners = listening.get(order_topic(account, order_id), set()) | listening.get(account_topic(account), set())
        if listeners:
            missed = sum(any(outcomes[listener]) for listener in listeners)
            about = {"order_id": order_id, "sequences": pushed, "listeners": len(listeners), "missed": missed}
            logger.info("pushed", extra=about)
