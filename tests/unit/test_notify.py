"""Pushing events to connections."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from order_engine.domain.errors import ConnectionsUnavailable
from order_engine.domain.pushes import Undelivered
from order_engine.observability.metrics import metrics
from order_engine.use_cases.notify import StatusEvent, notify
from testing.polling import eventually

POSTS_AT_ONCE = 4
LONG = timedelta(minutes=1)
SHORT = timedelta(milliseconds=50)

Counted = Callable[[], dict[str, float]]


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(POSTS_AT_ONCE) as pool:
        yield pool


class Subscriptions:
    """The connections table, in a dictionary."""

    def __init__(self, **topics: set[str]) -> None:
        self.topics = {topic.replace("__", "#"): ids for topic, ids in topics.items()}
        self.lookups = 0

    def listening_to(self, topics: Sequence[str]) -> dict[str, set[str]]:
        self.lookups += 1
        return {topic: set(self.topics[topic]) for topic in topics if topic in self.topics}

    def add(self, topic: str, connection_id: str) -> None:
        raise AssertionError("the notifier must not add subscriptions")

    def remove(self, topic: str, connection_id: str) -> None:
        self.topics[topic].discard(connection_id)


class ReadOnlySubscriptions(Subscriptions):
    """A table that is unavailable after the look-up."""

    def remove(self, topic: str, connection_id: str) -> None:
        raise ConnectionsUnavailable()


class Sockets:
    """Connections that record their frames. The named ones fail: at every frame, or at those with the given numbers."""

    def __init__(self, **failures: Undelivered | dict[int, Undelivered]) -> None:
        self.posts: dict[str, int] = defaultdict(int)
        self.frames: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.sizes: list[int] = []
        self._failures = failures
        self._busy: set[str] = set()

    def post(self, connection_id: str, frame: str) -> Undelivered | None:
        assert connection_id not in self._busy, "the frames of a connection must be posted one at a time"
        self._busy.add(connection_id)
        try:
            self.posts[connection_id] += 1
            failure = self._failures.get(connection_id)
            if isinstance(failure, dict):
                failure = failure.get(self.posts[connection_id])
            if failure is None:
                self.sizes.append(len(frame.encode()))
                self.frames[connection_id].append(json.loads(frame))
            return failure
        finally:
            self._busy.discard(connection_id)

    def sequences(self, connection_id: str) -> list[int]:
        return [frame["sequence"] for frame in self.frames[connection_id]]


class HangingSockets(Sockets):
    """Connections of which those named `hung…` do not respond until they are released."""

    def __init__(self) -> None:
        super().__init__()
        self.hanging: list[str] = []
        self._released = threading.Event()

    def post(self, connection_id: str, frame: str) -> Undelivered | None:
        if connection_id.startswith("hung"):
            self.hanging.append(connection_id)
            self._released.wait()
        return super().post(connection_id, frame)

    @contextmanager
    def released_at_the_end(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._released.set()


def event(order: str, sequence: int, account: str = "alice", **facts: object) -> StatusEvent:
    return StatusEvent(account, {"type": "status", "orderId": order, "sequence": sequence, **facts})


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Counted:
    """The number of pushed frames, and of failed ones by kind, according to the metrics."""
    metrics.flush()
    capsys.readouterr()

    def counted() -> dict[str, float]:
        metrics.flush()
        documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
        pushed = {"pushed": sum(sum(document.get("FramesPushed", [])) for document in documents)}
        failed = {document["kind"]: sum(document["PushFailures"]) for document in documents if "kind" in document}
        return pushed | failed

    return counted


def test_subscribers_of_an_order_get_each_event_in_order(pool: Executor) -> None:
    subscriptions, sockets = Subscriptions(order__alice__1={"a", "b"}), Sockets()
    notify([event("1", 1), event("2", 1), event("1", 2)], subscriptions, sockets, pool, LONG)
    for connection in ("a", "b"):
        assert [(frame["orderId"], frame["sequence"]) for frame in sockets.frames[connection]] == [("1", 1), ("1", 2)]
    assert subscriptions.lookups == 1


def test_the_frames_of_a_connection_are_posted_one_at_a_time_and_in_order(pool: Executor) -> None:
    connections = {str(number) for number in range(20)}
    sockets = Sockets()
    events = [event("1", sequence) for sequence in range(50)]
    notify(events, Subscriptions(order__alice__1=connections), sockets, pool, LONG)
    for connection in connections:
        assert sockets.sequences(connection) == list(range(50))


def test_subscribers_of_an_account_get_as_many_events_per_frame_as_fit(pool: Executor) -> None:
    sockets = Sockets()
    events = [event(str(number), 1, padding="x" * (number * 37 % 3_000)) for number in range(200)]
    notify(events, Subscriptions(account__alice={"a"}), sockets, pool, LONG)
    frames = sockets.frames["a"]
    assert all(frame["type"] == "events" for frame in frames)
    assert [item["orderId"] for frame in frames for item in frame["events"]] == [str(number) for number in range(200)]
    assert max(sockets.sizes) <= 32_000
    for size, following in zip(sockets.sizes, frames[1:], strict=False):
        first = json.dumps(following["events"][0], separators=(",", ":"))
        assert size + len(f",{first}") > 32_000, "one more event would have fitted"


@pytest.mark.parametrize(("size", "frames"), [(32_000, [["1", "2"]]), (32_001, [["1"], ["2"]])])
def test_a_frame_has_at_most_32_000_bytes(pool: Executor, size: int, frames: list[list[str]]) -> None:
    smallest = {"type": "events", "events": [event("1", 1).document, event("2", 1, padding="").document]}
    padding = "x" * (size - len(json.dumps(smallest, separators=(",", ":"))))
    sockets = Sockets()
    notify([event("1", 1), event("2", 1, padding=padding)], Subscriptions(account__alice={"a"}), sockets, pool, LONG)
    assert [[item["orderId"] for item in frame["events"]] for frame in sockets.frames["a"]] == frames
    assert max(sockets.sizes) <= 32_000


def test_events_are_not_pushed_to_other_accounts(pool: Executor) -> None:
    sockets = Sockets()
    subscriptions = Subscriptions(account__bob={"b"}, order__bob__1={"b"})
    notify([event("1", 1, account="alice")], subscriptions, sockets, pool, LONG)
    assert not sockets.frames


def test_a_closed_connection_is_posted_to_once_and_unsubscribed_from_all_its_topics(
    pool: Executor, counted: Counted
) -> None:
    subscriptions = Subscriptions(
        order__alice__1={"a", "closed"}, order__alice__2={"closed"}, account__alice={"closed", "b"}
    )
    sockets = Sockets(closed=Undelivered.GONE)
    notify([event("1", 1), event("1", 2), event("2", 1)], subscriptions, sockets, pool, LONG)
    assert sockets.posts["closed"] == 1
    assert subscriptions.topics == {"order#alice#1": {"a"}, "order#alice#2": set(), "account#alice": {"b"}}
    assert sockets.sequences("a") == [1, 2]
    assert counted() == {"pushed": 3, "gone": 4}


@pytest.mark.parametrize("failure", [Undelivered.UNREACHABLE, Undelivered.REFUSED])
def test_a_connection_gets_no_more_frames_of_the_batch_after_one_that_failed(
    pool: Executor, counted: Counted, caplog: pytest.LogCaptureFixture, failure: Undelivered
) -> None:
    subscriptions, sockets = Subscriptions(order__alice__1={"a", "failing"}), Sockets(failing={2: failure})
    notify([event("1", sequence) for sequence in range(1, 6)], subscriptions, sockets, pool, LONG)
    assert sockets.posts["failing"] == 2
    assert (sockets.sequences("failing"), sockets.sequences("a")) == ([1], [1, 2, 3, 4, 5])
    assert counted() == {"pushed": 6, failure: 4}
    (pushed,) = [vars(record) for record in caplog.records if record.message == "pushed"]
    assert (pushed["listeners"], pushed["missed"]) == (2, 1)


@pytest.mark.parametrize("failure", [Undelivered.UNREACHABLE, Undelivered.REFUSED])
def test_an_unreachable_or_throttled_connection_stays_subscribed(pool: Executor, failure: Undelivered) -> None:
    subscriptions, sockets = Subscriptions(order__alice__1={"failing"}), Sockets(failing={1: failure})
    notify([event("1", 1)], subscriptions, sockets, pool, LONG)
    notify([event("1", 2)], subscriptions, sockets, pool, LONG)
    assert subscriptions.topics == {"order#alice#1": {"failing"}}
    assert sockets.sequences("failing") == [2]


def test_a_closed_connection_does_not_affect_others_while_the_table_is_unavailable(
    pool: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    subscriptions, sockets = ReadOnlySubscriptions(order__alice__1={"a", "closed"}), Sockets(closed=Undelivered.GONE)
    notify([event("1", 1)], subscriptions, sockets, pool, LONG)
    assert sockets.sequences("a") == [1]
    (warning,) = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert (warning["connection_id"], warning["code"]) == ("closed", "connections_unavailable")


def test_a_batch_ends_in_time_even_if_a_thousand_connections_hang(
    pool: Executor, counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    subscriptions = Subscriptions(order__alice__1={f"hung{number}" for number in range(1_000)})
    sockets = HangingSockets()
    with sockets.released_at_the_end():
        notify([event("1", 1), event("1", 2)], subscriptions, sockets, pool, SHORT)
        assert counted() == {"pushed": 0, "late": 2_000}
    pool.shutdown()
    assert sum(sockets.posts.values()) <= POSTS_AT_ONCE, "late frames must not be posted afterwards, out of order"
    (warning,) = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert (warning["message"], warning["frames"]) == ("not pushed in time", 2_000)
    assert len(subscriptions.topics["order#alice#1"]) == 1_000


def test_healthy_connections_get_their_frames_while_others_hang(pool: Executor, counted: Counted) -> None:
    hung, healthy = {f"hung{number}" for number in range(POSTS_AT_ONCE - 1)}, {str(number) for number in range(100)}
    subscriptions, sockets = Subscriptions(order__alice__1=hung | healthy), HangingSockets()
    batch = ([event("1", 1), event("1", 2)], subscriptions, sockets, pool, LONG)
    notifying = threading.Thread(target=notify, args=batch)
    with sockets.released_at_the_end():
        notifying.start()
        eventually(lambda: set(sockets.hanging) == hung, "the other connections hang")
        eventually(
            lambda: all(sockets.sequences(connection) == [1, 2] for connection in healthy),
            "the healthy connections get their frames",
        )
    notifying.join()
    assert counted() == {"pushed": 206}


def test_an_unexpected_exception_is_raised(pool: Executor) -> None:
    class Faulty(Sockets):
        def post(self, connection_id: str, frame: str) -> Undelivered | None:
            raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        notify([event("1", 1)], Subscriptions(order__alice__1={"a"}), Faulty(), pool, LONG)
