"""Pushing events."""

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
from tests.polling import eventually

POSTS_AT_ONCE = 4
LONG = timedelta(minutes=1)
SHORT = timedelta(milliseconds=50)

Counted = Callable[[], dict[str, float]]


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(POSTS_AT_ONCE) as pool:
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


class ListenersThatStay(Listeners):
    """A table that is away once the listeners are known."""

    def remove(self, topic: str, connection_id: str) -> None:
        raise ConnectionsUnavailable()


class Sockets:
    """Connections that keep what they are sent, unless they fail: in general, or at one of their frames."""

    def __init__(self, **failures: Undelivered | dict[int, Undelivered]) -> None:
        self.posts: dict[str, int] = defaultdict(int)
        self.frames: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.sizes: list[int] = []
        self._failures = failures
        self._busy: set[str] = set()

    def post(self, connection_id: str, frame: str) -> Undelivered | None:
        assert connection_id not in self._busy, "a connection's frames are posted one after the other"
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
    """Connections of which those named `hung…` take a frame and do not answer until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.hanging: list[str] = []
        self._let_go = threading.Event()

    def post(self, connection_id: str, frame: str) -> Undelivered | None:
        if connection_id.startswith("hung"):
            self.hanging.append(connection_id)
            self._let_go.wait()
        return super().post(connection_id, frame)

    @contextmanager
    def let_go_at_the_end(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._let_go.set()


def event(order: str, sequence: int, account: str = "alice", **facts: object) -> StatusEvent:
    return StatusEvent(account, {"type": "status", "orderId": order, "sequence": sequence, **facts})


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Counted:
    """The frames that were pushed, and those that were not by kind, as the metrics have them."""
    metrics.flush()
    capsys.readouterr()

    def counted() -> dict[str, float]:
        metrics.flush()
        documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
        pushed = {"pushed": sum(sum(document.get("FramesPushed", [])) for document in documents)}
        failed = {document["kind"]: sum(document["PushFailures"]) for document in documents if "kind" in document}
        return pushed | failed

    return counted


def test_an_orders_listeners_get_each_event_in_order(pool: Executor) -> None:
    listeners, sockets = Listeners(order__alice__1={"a", "b"}), Sockets()
    notify([event("1", 1), event("2", 1), event("1", 2)], listeners, sockets, pool, LONG)
    for connection in ("a", "b"):
        assert [(frame["orderId"], frame["sequence"]) for frame in sockets.frames[connection]] == [("1", 1), ("1", 2)]
    assert listeners.lookups == 1


def test_a_connections_frames_are_posted_one_after_the_other_and_in_order(pool: Executor) -> None:
    connections = {str(number) for number in range(20)}
    sockets = Sockets()
    notify(
        [event("1", sequence) for sequence in range(50)], Listeners(order__alice__1=connections), sockets, pool, LONG
    )
    for connection in connections:
        assert sockets.sequences(connection) == list(range(50))


def test_an_accounts_listeners_get_frames_as_full_as_they_may_be(pool: Executor) -> None:
    sockets = Sockets()
    events = [event(str(number), 1, padding="x" * (number * 37 % 3_000)) for number in range(200)]
    notify(events, Listeners(account__alice={"a"}), sockets, pool, LONG)
    frames = sockets.frames["a"]
    assert all(frame["type"] == "events" for frame in frames)
    assert [item["orderId"] for frame in frames for item in frame["events"]] == [str(number) for number in range(200)]
    assert max(sockets.sizes) <= 32_000
    for size, following in zip(sockets.sizes, frames[1:], strict=False):
        first = json.dumps(following["events"][0], separators=(",", ":"))
        assert size + len(f",{first}") > 32_000, "one more would have fitted"


@pytest.mark.parametrize(("size", "frames"), [(32_000, [["1", "2"]]), (32_001, [["1"], ["2"]])])
def test_a_frame_has_32_000_bytes_at_most(pool: Executor, size: int, frames: list[list[str]]) -> None:
    smallest = {"type": "events", "events": [event("1", 1).document, event("2", 1, padding="").document]}
    padding = "x" * (size - len(json.dumps(smallest, separators=(",", ":"))))
    sockets = Sockets()
    notify([event("1", 1), event("2", 1, padding=padding)], Listeners(account__alice={"a"}), sockets, pool, LONG)
    assert [[item["orderId"] for item in frame["events"]] for frame in sockets.frames["a"]] == frames
    assert max(sockets.sizes) <= 32_000


def test_accounts_do_not_hear_of_each_other(pool: Executor) -> None:
    sockets = Sockets()
    listeners = Listeners(account__bob={"b"}, order__bob__1={"b"})
    notify([event("1", 1, account="alice")], listeners, sockets, pool, LONG)
    assert not sockets.frames


def test_a_connection_that_left_is_posted_to_once_and_taken_off_all_its_topics(
    pool: Executor, counted: Counted
) -> None:
    listeners = Listeners(order__alice__1={"a", "left"}, order__alice__2={"left"}, account__alice={"left", "b"})
    sockets = Sockets(left=Undelivered.GONE)
    notify([event("1", 1), event("1", 2), event("2", 1)], listeners, sockets, pool, LONG)
    assert sockets.posts["left"] == 1
    assert listeners.topics == {"order#alice#1": {"a"}, "order#alice#2": set(), "account#alice": {"b"}}
    assert sockets.sequences("a") == [1, 2]
    assert counted() == {"pushed": 3, "gone": 4}


@pytest.mark.parametrize("failure", [Undelivered.UNREACHABLE, Undelivered.REFUSED])
def test_the_first_frame_that_does_not_arrive_is_a_connections_last_of_the_batch(
    pool: Executor, counted: Counted, caplog: pytest.LogCaptureFixture, failure: Undelivered
) -> None:
    listeners, sockets = Listeners(order__alice__1={"a", "ill"}), Sockets(ill={2: failure})
    notify([event("1", sequence) for sequence in range(1, 6)], listeners, sockets, pool, LONG)
    assert sockets.posts["ill"] == 2
    assert (sockets.sequences("ill"), sockets.sequences("a")) == ([1], [1, 2, 3, 4, 5])
    assert counted() == {"pushed": 6, failure: 4}
    (pushed,) = [vars(record) for record in caplog.records if record.message == "pushed"]
    assert (pushed["listeners"], pushed["missed"]) == (2, 1)


@pytest.mark.parametrize("failure", [Undelivered.UNREACHABLE, Undelivered.REFUSED])
def test_a_connection_that_is_throttled_or_hangs_stays_subscribed(pool: Executor, failure: Undelivered) -> None:
    listeners, sockets = Listeners(order__alice__1={"ill"}), Sockets(ill={1: failure})
    notify([event("1", 1)], listeners, sockets, pool, LONG)
    notify([event("1", 2)], listeners, sockets, pool, LONG)
    assert listeners.topics == {"order#alice#1": {"ill"}}
    assert sockets.sequences("ill") == [2]


def test_a_connection_that_left_while_the_table_is_away_holds_up_nobody(
    pool: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    listeners, sockets = ListenersThatStay(order__alice__1={"a", "left"}), Sockets(left=Undelivered.GONE)
    notify([event("1", 1)], listeners, sockets, pool, LONG)
    assert sockets.sequences("a") == [1]
    (warning,) = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert (warning["connection_id"], warning["code"]) == ("left", "connections_unavailable")


def test_a_batch_ends_in_time_whatever_number_of_connections_hang(
    pool: Executor, counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    listeners, sockets = Listeners(order__alice__1={f"hung{number}" for number in range(1_000)}), HangingSockets()
    with sockets.let_go_at_the_end():
        notify([event("1", 1), event("1", 2)], listeners, sockets, pool, SHORT)
        assert counted() == {"pushed": 0, "late": 2_000}
    pool.shutdown()
    assert sum(sockets.posts.values()) <= POSTS_AT_ONCE, "what was given up is not posted later, out of turn"
    (warning,) = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert (warning["message"], warning["frames"]) == ("not pushed in time", 2_000)
    assert len(listeners.topics["order#alice#1"]) == 1_000


def test_healthy_connections_get_theirs_while_others_hang(pool: Executor, counted: Counted) -> None:
    hung, healthy = {f"hung{number}" for number in range(POSTS_AT_ONCE - 1)}, {str(number) for number in range(100)}
    listeners, sockets = Listeners(order__alice__1=hung | healthy), HangingSockets()
    batch = ([event("1", 1), event("1", 2)], listeners, sockets, pool, LONG)
    notifying = threading.Thread(target=notify, args=batch)
    with sockets.let_go_at_the_end():
        notifying.start()
        eventually(lambda: set(sockets.hanging) == hung, "the others hang")
        eventually(lambda: all(sockets.sequences(connection) == [1, 2] for connection in healthy), "they got theirs")
    notifying.join()
    assert counted() == {"pushed": 206}


def test_a_fault_of_the_notifiers_own_is_not_passed_over(pool: Executor) -> None:
    class Faulty(Sockets):
        def post(self, connection_id: str, frame: str) -> Undelivered | None:
            raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        notify([event("1", 1)], Listeners(order__alice__1={"a"}), Faulty(), pool, LONG)
