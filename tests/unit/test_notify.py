"""Pushing events."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from order_engine.domain.pushes import Undelivered
from order_engine.use_cases.notify import StatusEvent, notify

PADDING = "x" * 1_000


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class Listeners:
    """The connections table as a dictionary."""

    def __init__(self, **topics: set[str]) -> None:
        self.topics = {topic.replace("__", "#"): ids for topic, ids in topics.items()}
        self.lookups = 0

    def listening_to(self, topics: Sequence[str]) -> dict[str, set[str]]:
        self.lookups += 1
        return {topic: set(self.topics[topic]) for topic in topics if topic in self.topics}

    def add(self, topic: str, connection_id: str) -> None:
        raise AssertionError("the notifier adds nobody")

    def remove(self, topic: str, connection_id: str) -> None:
        self.topics[topic].discard(connection_id)


class Sockets:
    """Connections that keep what they are sent; those in `gone` have left."""

    def __init__(self, gone: Sequence[str] = ()) -> None:
        self.frames: dict[str, list[dict[str, object]]] = defaultdict(list)
        self.gone = gone

    def post(self, connection_id: str, frame: str) -> Undelivered | None:
        assert len(frame.encode()) <= 32_000
        if connection_id in self.gone:
            return Undelivered.GONE
        self.frames[connection_id].append(json.loads(frame))
        return None


def event(order: str, sequence: int, account: str = "alice", **facts: object) -> StatusEvent:
    return StatusEvent(account, {"type": "status", "orderId": order, "sequence": sequence, **facts})


def test_an_orders_listeners_get_each_event_in_order(pool: Executor) -> None:
    listeners, sockets = Listeners(order__alice__1={"a", "b"}), Sockets()
    notify([event("1", 1), event("2", 1), event("1", 2)], listeners, sockets, pool)
    for connection in ("a", "b"):
        assert [(frame["orderId"], frame["sequence"]) for frame in sockets.frames[connection]] == [("1", 1), ("1", 2)]
    assert listeners.lookups == 1


def test_an_accounts_listeners_get_few_large_frames(pool: Executor) -> None:
    sockets = Sockets()
    events = [event(str(number), 1, padding=PADDING) for number in range(100)]
    notify(events, Listeners(account__alice={"a"}), sockets, pool)
    frames = sockets.frames["a"]
    assert 3 <= len(frames) <= 5
    assert all(frame["type"] == "events" for frame in frames)
    pushed = [item["orderId"] for frame in frames for item in frame["events"]]  # type: ignore[attr-defined]
    assert pushed == [str(number) for number in range(100)]


def test_accounts_do_not_hear_of_each_other(pool: Executor) -> None:
    sockets = Sockets()
    listeners = Listeners(account__bob={"b"}, order__bob__1={"b"})
    notify([event("1", 1, account="alice")], listeners, sockets, pool)
    assert not sockets.frames


def test_a_connection_that_left_is_forgotten_and_no_other(pool: Executor) -> None:
    listeners = Listeners(order__alice__1={"a", "gone"}, account__alice={"gone", "b"})
    sockets = Sockets(gone=["gone"])
    notify([event("1", 1), event("1", 2)], listeners, sockets, pool)
    assert listeners.topics == {"order#alice#1": {"a"}, "account#alice": {"b"}}
    assert [frame["sequence"] for frame in sockets.frames["a"]] == [1, 2]
