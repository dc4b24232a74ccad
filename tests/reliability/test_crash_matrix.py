"""A process is killed before and after each write and each call that it makes; every order still ends once.

The processes are those of the running local cloud, the database is real, and a crash is a SIGKILL.
"""

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.accounts import aws_client, headers_of_new_account
from tests.cloud import Cloud, running_cloud
from tests.e2e.test_http import SOL, finished, place
from tests.e2e.test_websocket import Socket, opened
from tests.polling import eventually
from tests.reliability.crash_points import MOMENTS, CrashPoints
from tests.reliability.invariants import Policy, assert_all_hold
from tests.reliability.proxies import AwsProxy, aws_proxy
from tests.reliability.states import (
    State,
    abandoned,
    by_hand,
    due,
    exhausted,
    long_finished,
    overdue,
    signed,
    signed_in_vain,
    unclaimed,
)

SECONDS = {
    "MOCK_LATENCY": "0",
    "BACKOFF_SECONDS": "0",
    "WORKER_TIMEOUT": "5",
    "LEASE_SECONDS": "1.5",
    "ORDERS_VISIBILITY_TIMEOUT": "2",
    "WATCHDOG_SECONDS": "2",
    "SWEEP_SCHEDULE": "rate(1 second)",
    "RETENTION_DAYS": "1",
    "TRANSACTION_VALIDITY_SECONDS": "4",
    "LANDING_SECONDS": "0",
    "LOCAL_CONCURRENCY": "4",
}


def orders_queue(service: str, body: str) -> bool:
    return service == "sqs" and "OrdersQueue" in body


# What each function calls. That nothing is missing here is a test of its own, the last one.
TO_A_FILL = [
    "handler",
    "OrderStore.claim",
    "MockVenue.quote",
    "Journal.record building",
    "MockVenue.build",
    "Journal.record submitted",
    "MockChain.send",
    "MockChain.statuses",
    "Journal.record confirmed",
    "StatusQueue.publish",
]
TO_A_FAILURE = ["Journal.record pending", "Journal.record failed"]
PLACING = ["handler", "OrderStore.place", "OrdersQueue.send"]
READING = {
    "OrderStore.get": "/api/orders/{order_id}",
    "OrderStore.page": "/api/orders",
    "OrderStore.ping": "/health/ready",
}
SWEEPING = ["handler", "OrderStore.due", "OrdersQueue.send_all", "OrderStore.extend_watch", "OrderStore.purge_finished"]
TELLING = ["handler", "Connections.listening_to", "Gateway.post"]
SETTLING: dict[str, tuple[State, str, str | None]] = {
    "handler": (exhausted, "failed", "attempts_exhausted"),
    "OrderStore.examine": (exhausted, "failed", "attempts_exhausted"),
    "OrderStore.events": (exhausted, "failed", "attempts_exhausted"),
    "Journal.record failed": (exhausted, "failed", "attempts_exhausted"),
    "StatusQueue.publish": (exhausted, "failed", "attempts_exhausted"),
    "Journal.record expired": (overdue, "expired", "order_expired"),
    "ConfirmationsQueue.send": (signed, "confirmed", None),
    "OrdersQueue.send": (unclaimed, "confirmed", None),
}
CONFIRMING: dict[str, State] = {
    "handler": signed,
    "OrderStore.examine": signed,
    "MockChain.statuses": signed,
    "MockChain.send": signed,
    "ConfirmationsQueue.send": signed,
    "Journal.record confirmed": signed,
    "StatusQueue.publish": signed,
    "Journal.record pending": signed_in_vain,
    "OrdersQueue.send_all": signed_in_vain,
}
CALLS = {
    "worker": {
        *TO_A_FILL,
        *TO_A_FAILURE,
        "OrderStore.events",
        "Journal.record expired",
        "ConfirmationsQueue.send",
        "OrdersQueue.change_visibility",
    },
    "confirmer": {*CONFIRMING, "OrderStore.events"},
    "api": {*PLACING, *READING, "OrderStore.placed_before", "OrderStore.mark_due"},
    "websocket": {
        *PLACING,
        "Connections.add",
        "Connections.remove",
        "OrderStore.placed_before",
        "OrderStore.mark_due",
        "OrderStore.get",
    },
    "authorizer": {"handler", "KeyLookup.account_of"},
    "sweeper": {*SWEEPING},
    "notifier": {*TELLING, "Connections.remove", "StatusQueue.change_visibility"},
    "dead_letter": {*SETTLING, "PoisonQueue.send"},
}


@pytest.fixture(scope="module")
def crash_points(tmp_path_factory: pytest.TempPathFactory) -> CrashPoints:
    return CrashPoints(tmp_path_factory.mktemp("crash-points"))


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsProxy]:
    with aws_proxy() as proxy:
        yield proxy


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, crash_points: CrashPoints, aws: AwsProxy) -> Iterator[Cloud]:
    settings = {**SECONDS, "LOCAL_AWS_ENDPOINT_URL": aws.url}
    with running_cloud(tmp_path_factory.mktemp("cloud"), crash_points.template, **settings) as cloud:
        aws.target = cloud.aws_url
        yield cloud
        assert_all_hold(cloud.database_url, Policy.of(SECONDS))


class Listener:
    """An account's stream, kept from beginning to end."""

    def __init__(self, connection: ClientConnection) -> None:
        self.told: dict[str, dict[int, str]] = {}
        self._connection = connection
        connection.send(json.dumps({"action": "subscribe", "channel": "account"}))
        assert json.loads(connection.recv(timeout=20))["type"] == "subscribed"
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        for text in self._connection:
            for event in json.loads(text)["events"]:
                known = self.told.setdefault(event["orderId"], {})
                assert known.setdefault(event["sequence"], event["status"]) == event["status"]

    def was_told(self, order: dict[str, Any]) -> bool:
        """Whether the stream had every step of a finished order."""
        return self.told.get(order["orderId"]) == {event["sequence"]: event["status"] for event in order["events"]}


@pytest.fixture(scope="module")
def listener(cloud: Cloud) -> Iterator[Listener]:
    with connect(cloud.websocket_url, additional_headers=cloud.headers) as connection:
        listener = Listener(connection)
        yield listener
    listener.thread.join()


Placed = dict[str, Any]


@pytest.mark.parametrize("call", TO_A_FILL)
def test_the_worker_crashes_on_the_way_to_a_fill(
    http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    with crash_points.crash("worker", call):
        placed = [place(http) for _ in MOMENTS]
    assert_ended(http, listener, placed, "confirmed")


@pytest.mark.parametrize("call", TO_A_FAILURE)
def test_the_worker_crashes_on_the_way_to_a_failure(
    http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    with crash_points.crash("worker", call):
        placed = [place(http, {**SOL, "minAmountOut": 1_000_000}) for _ in MOMENTS]
    assert_ended(http, listener, placed, "failed")


def test_the_worker_crashes_reading_what_the_one_before_it_did(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [by_hand(cloud, abandoned) for _ in MOMENTS]
    with crash_points.crash("worker", "OrderStore.events"):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "confirmed")


def test_the_worker_crashes_expiring_an_order(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [by_hand(cloud, overdue) for _ in MOMENTS]
    with crash_points.crash("worker", "Journal.record expired"):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "expired", "order_expired")


def test_the_worker_crashes_handing_an_order_over(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [by_hand(cloud, signed) for _ in MOMENTS]
    with crash_points.crash("worker", "ConfirmationsQueue.send"):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "confirmed")


@pytest.mark.parametrize("call", CONFIRMING)
def test_the_confirmer_crashes(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    placed = [by_hand(cloud, CONFIRMING[call]) for _ in MOMENTS]
    with crash_points.crash("confirmer", call):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "confirmed")


def test_the_confirmer_crashes_reading_the_steps_of_an_order_that_another_has_settled(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [place(http)["orderId"] for _ in MOMENTS]
    assert_ended(http, listener, placed, "confirmed")
    with crash_points.crash("confirmer", "OrderStore.events"):
        for order_id in placed:
            body = json.dumps({"orderIds": [order_id]})
            aws_client(cloud, "sqs").send_message(QueueUrl=cloud.queues["ConfirmationsQueue"], MessageBody=body)
    assert_ended(http, listener, placed, "confirmed")


def test_the_worker_crashes_postponing_a_message(cloud: Cloud, http: httpx.Client, crash_points: CrashPoints) -> None:
    with crash_points.crash("worker", "OrdersQueue.change_visibility"):
        send(cloud, "OrdersQueue", [str(uuid4()) for _ in MOMENTS])  # orders that nobody placed
    assert finished(http, place(http)["orderId"])["status"] == "confirmed"


@pytest.mark.parametrize("call", PLACING)
def test_the_api_crashes_placing_an_order(http: httpx.Client, crash_points: CrashPoints, call: str) -> None:
    with crash_points.crash("api", call):
        order_id = post_again(http, str(uuid4()), crashes=2)
    assert finished(http, order_id)["status"] == "confirmed"


def test_the_api_crashes_looking_for_the_order_placed_before(http: httpx.Client, crash_points: CrashPoints) -> None:
    key = str(uuid4())
    order_id = post_again(http, key, crashes=0)
    with crash_points.crash("api", "OrderStore.placed_before"):
        assert post_again(http, key, crashes=2) == order_id


def test_the_api_crashes_telling_the_sweeper(http: httpx.Client, aws: AwsProxy, crash_points: CrashPoints) -> None:
    with aws.without(orders_queue), crash_points.crash("api", "OrderStore.mark_due"):
        order_id = post_again(http, str(uuid4()), crashes=2)
    assert finished(http, order_id)["status"] == "confirmed"


@pytest.mark.parametrize("call", READING)
def test_the_api_crashes_reading(http: httpx.Client, crash_points: CrashPoints, call: str) -> None:
    path = READING[call].format(order_id=place(http)["orderId"])
    with crash_points.crash("api", call):
        assert [http.get(path).status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("call", [*PLACING, "Connections.add"])
def test_the_websocket_function_crashes_placing_an_order(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str
) -> None:
    with opened(cloud) as socket, crash_points.crash("websocket", call):
        frame = ask_again(socket, execute(str(uuid4())))
    assert finished(http, frame["orderId"])["status"] == "confirmed"


@pytest.mark.parametrize("call", ["OrderStore.placed_before", "OrderStore.get"])
def test_the_websocket_function_crashes_answering_a_repeat(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str
) -> None:
    order = execute(str(uuid4()))
    with opened(cloud) as socket:
        first = socket.ask(order)
        with crash_points.crash("websocket", call):
            again = ask_again(socket, order)
    assert (again["orderId"], again["replayed"]) == (first["orderId"], True)


def test_the_websocket_function_crashes_telling_the_sweeper(
    cloud: Cloud, http: httpx.Client, aws: AwsProxy, crash_points: CrashPoints
) -> None:
    with opened(cloud) as socket, aws.without(orders_queue), crash_points.crash("websocket", "OrderStore.mark_due"):
        frame = ask_again(socket, execute(str(uuid4())))
    assert finished(http, frame["orderId"])["status"] == "confirmed"


def test_the_websocket_function_crashes_unsubscribing(cloud: Cloud, crash_points: CrashPoints) -> None:
    with opened(cloud) as socket:
        assert socket.ask({"action": "subscribe", "channel": "account"})["type"] == "subscribed"
        with crash_points.crash("websocket", "Connections.remove"):
            frame = ask_again(socket, {"action": "unsubscribe", "channel": "account"})
        assert frame["type"] == "unsubscribed"


@pytest.mark.parametrize("call", ["handler", "KeyLookup.account_of"])
def test_the_authorizer_crashes(cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str) -> None:
    headers = headers_of_new_account(cloud, f"somebody-{uuid4()}")
    with crash_points.crash("authorizer", call):
        assert [http.get("/api/orders", headers=headers).status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("call", TELLING)
def test_the_notifier_crashes_telling(
    http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    with crash_points.crash("notifier", call):
        placed = [place(http) for _ in MOMENTS]
    assert_ended(http, listener, placed, "confirmed")


def test_the_notifier_crashes_taking_a_connection_that_is_gone_off_its_topic(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [by_hand(cloud, unclaimed) for _ in MOMENTS]
    with opened(cloud) as socket:
        for order_id in placed:
            assert socket.ask({"orderId": order_id})["type"] == "snapshot"
    with crash_points.crash("notifier", "Connections.remove"):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "confirmed")


def test_the_notifier_crashes_postponing_while_dynamodb_is_away(
    http: httpx.Client, aws: AwsProxy, listener: Listener, crash_points: CrashPoints
) -> None:
    place(http)  # the authorizer knows the key now, and keeps it for a minute
    with (
        aws.without(lambda service, body: service == "dynamodb"),
        crash_points.crash("notifier", "StatusQueue.change_visibility"),
    ):
        placed = [place(http) for _ in MOMENTS]
    assert_ended(http, listener, placed, "confirmed")


@pytest.mark.parametrize("call", SWEEPING)
def test_the_sweeper_crashes(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    old = by_hand(cloud, long_finished)
    placed = []
    for moment in MOMENTS:  # one after the other: what one sweep sent leaves nothing to do for the next
        with crash_points.crash("sweeper", call, moment):
            placed.append(by_hand(cloud, due))
    assert_ended(http, listener, placed, "confirmed")
    eventually(lambda: http.get(f"/api/orders/{old}").status_code == 404, "an old order was deleted")


@pytest.mark.parametrize("call", SETTLING)
def test_the_dead_letter_function_crashes(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    make, status, error = SETTLING[call]
    placed = [by_hand(cloud, make) for _ in MOMENTS]
    with crash_points.crash("dead_letter", call):
        send(cloud, "OrdersDeadLetterQueue", placed)
    assert_ended(http, listener, placed, status, error)


def test_the_dead_letter_function_crashes_putting_a_message_aside(cloud: Cloud, crash_points: CrashPoints) -> None:
    unknown = {str(uuid4()) for _ in MOMENTS}
    with crash_points.crash("dead_letter", "PoisonQueue.send"):
        send(cloud, "OrdersDeadLetterQueue", unknown)
    kept: set[str] = set()

    def both() -> bool:
        kept.update(put_aside(cloud))
        return unknown <= kept

    eventually(both, "both were kept")


@pytest.mark.parametrize("function", CALLS)
def test_no_call_is_missing_here(crash_points: CrashPoints, function: str) -> None:
    assert crash_points.calls_of(function) <= CALLS[function]


def assert_ended(
    http: httpx.Client, listener: Listener, placed: Sequence[str | Placed], status: str, error: str | None = None
) -> None:
    """All are finished as they should be, and their client was told every step."""
    for each in placed:
        order = finished(http, each if isinstance(each, str) else each["orderId"])
        assert order["status"] == status
        assert error in (None, order.get("error", {}).get("code"))
        eventually(lambda order=order: listener.was_told(order), "its client was told every step")  # type: ignore[misc]


def post_again(http: httpx.Client, key: str, crashes: int) -> str:
    """Post until nothing crashes; the order's id."""
    answers = [http.post("/api/orders/execute", json=SOL, headers={"Idempotency-Key": key}) for _ in range(crashes + 1)]
    assert [answer.status_code for answer in answers[:-1]] == [500] * crashes
    assert answers[-1].status_code in (200, 202)
    return str(answers[-1].json()["orderId"])


def execute(key: str) -> dict[str, Any]:
    return {"action": "execute", "clientOrderId": key, **SOL}


def ask_again(socket: Socket, message: dict[str, Any]) -> dict[str, Any]:
    """Ask until nothing crashes; the answer."""
    for _ in MOMENTS:
        socket.send(message)
        while (frame := socket.receive()).get("type") in ("status", "events"):
            pass
        assert frame["message"] == "Internal server error"
    return socket.ask(message)


def send(cloud: Cloud, queue: str, order_ids: Iterable[str]) -> None:
    for order_id in order_ids:
        body = json.dumps({"orderId": order_id})
        aws_client(cloud, "sqs").send_message(QueueUrl=cloud.queues[queue], MessageBody=body)


def put_aside(cloud: Cloud) -> set[str]:
    """Some of the orders that messages in the poison queue name."""
    messages = aws_client(cloud, "sqs").receive_message(
        QueueUrl=cloud.queues["OrdersPoisonQueue"], MaxNumberOfMessages=10
    )
    return {json.loads(message["Body"])["orderId"] for message in messages.get("Messages", [])}
