"""Posting to connections: the possible responses of @connections, over real HTTP."""

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from order_engine.adapters.gateway import Gateway, connections_endpoint
from order_engine.domain.pushes import Undelivered

NOWHERE = "http://127.0.0.1:1"


class ConnectionsApi(ThreadingHTTPServer):
    """A fake @connections API whose responses are set per connection; it counts the requests to each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.statuses: dict[str, int] = {}
        self.errors: dict[str, str] = {}
        self.silent: set[str] = set()
        self.posts: Counter[str] = Counter()


class _Post(BaseHTTPRequestHandler):
    server: ConnectionsApi

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        connection_id = unquote(self.path.rpartition("/")[2])
        self.server.posts[connection_id] += 1
        if connection_id in self.server.silent:
            self.close_connection = True  # without a response
            return
        self.send_response(self.server.statuses.get(connection_id, 200))
        if connection_id in self.server.errors:
            self.send_header("x-amzn-errortype", self.server.errors[connection_id])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Clock:
    """A clock that tests advance."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def api() -> Iterator[ConnectionsApi]:
    with ConnectionsApi() as api:
        serving = threading.Thread(target=api.serve_forever)
        serving.start()
        yield api
        api.shutdown()
        serving.join()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(api: ConnectionsApi, clock: Clock) -> Gateway:
    return Gateway(connections_endpoint(api.url, 4), clock)


def test_a_frame_is_delivered(api: ConnectionsApi, gateway: Gateway) -> None:
    assert gateway.post("a=", "{}") is None
    assert api.posts == {"a=": 1}


@pytest.mark.parametrize(
    ("status", "error", "outcome", "posts"),
    [
        (410, "GoneException", Undelivered.GONE, 1),
        (410, None, Undelivered.GONE, 1),
        (429, "LimitExceededException", Undelivered.REFUSED, 2),
        (429, None, Undelivered.REFUSED, 2),
        (500, None, Undelivered.REFUSED, 2),
        (504, None, Undelivered.REFUSED, 2),
        (403, "ForbiddenException", Undelivered.REFUSED, 1),
        (413, "PayloadTooLargeException", Undelivered.REFUSED, 1),
    ],
)
def test_only_status_410_means_gone_and_only_transient_errors_are_retried(
    api: ConnectionsApi, gateway: Gateway, status: int, error: str | None, outcome: Undelivered, posts: int
) -> None:
    api.statuses["a="] = status
    if error:
        api.errors["a="] = error
    assert gateway.post("a=", "{}") is outcome
    assert api.posts["a="] == posts
    api.statuses.clear()
    assert gateway.post("a=", "{}") is None, "the next frame is posted"


def test_connections_of_an_unavailable_gateway_are_unreachable_and_not_gone() -> None:
    assert Gateway(connections_endpoint(NOWHERE, 4)).post("a=", "{}") is Undelivered.UNREACHABLE


def test_a_connection_that_did_not_respond_is_skipped_for_30_seconds(
    api: ConnectionsApi, gateway: Gateway, clock: Clock
) -> None:
    api.silent |= {"hung", "hung-later"}
    assert gateway.post("hung", "{}") is Undelivered.UNREACHABLE
    clock.now += 20
    assert gateway.post("hung-later", "{}") is Undelivered.UNREACHABLE
    tried = api.posts.copy()
    clock.now += 9
    api.silent.clear()
    assert gateway.post("hung", "{}") is Undelivered.UNREACHABLE
    assert gateway.post("hung-later", "{}") is Undelivered.UNREACHABLE
    assert api.posts == tried, "they are not posted to"
    assert gateway.post("other", "{}") is None
    clock.now += 1
    assert gateway.post("hung", "{}") is None
    assert gateway.post("hung-later", "{}") is Undelivered.UNREACHABLE
    clock.now += 20
    assert gateway.post("hung-later", "{}") is None


def test_a_connection_that_hangs_again_is_skipped_again(api: ConnectionsApi, gateway: Gateway, clock: Clock) -> None:
    api.silent.add("hung")
    for _ in range(2):
        before = api.posts["hung"]
        assert gateway.post("hung", "{}") is Undelivered.UNREACHABLE
        assert api.posts["hung"] > before
        tried = api.posts["hung"]
        assert gateway.post("hung", "{}") is Undelivered.UNREACHABLE
        assert api.posts["hung"] == tried
        clock.now += 30
