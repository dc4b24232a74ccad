"""A process is killed before and after each write and each call that it makes; every order still ends once.

The processes are those of the running local cloud, the database is real, and a crash is a SIGKILL.
"""

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psycopg
import pytest
from websockets.sync.client import ClientConnection, connect

from testing.accounts import aws_client, headers_of_new_account
from testing.cloud import Cloud, running_cloud
from testing.faults.crash_points import MOMENTS, CrashPoints
from testing.faults.invariants import Policy, assert_all_hold
from testing.faults.proxies import AwsProxy, aws_proxy
from testing.faults.states import (
    FAR_ABOVE,
    State,
    abandoned,
    activated,
    cancel_requested,
    create_order,
    due,
    exhausted,
    long_finished,
    overdue,
    price_gone,
    reached,
    resting,
    signed,
    signed_and_expired,
    unclaimed,
)
from testing.orders import SOL, finished, place
from testing.polling import eventually
from testing.sockets import Socket, opened

pytestmark = pytest.mark.reliability

SETTINGS = {
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
    "TRIGGER_INTERVAL_SECONDS": "0.2",
    "LOCAL_CONCURRENCY": "4",
}


def is_orders_queue(service: str, body: str) -> bool:
    return service == "sqs" and "OrdersQueue" in body


# The calls of each function. The last test checks that none is missing.
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
PLACING_MANY = ["handler", "OrderStore.place", "OrdersQueue.send_all"]
PLACING = [*PLACING_MANY, "OrdersQueue.send"]
PLACING_RESTING = ["MockVenue.price", "TriggerStore.wake", "TriggerQueue.send", "StatusQueue.publish"]
CANCELLING = ["handler", "OrderStore.cancel", "StatusQueue.publish"]
REPLACING = ["handler", "OrderStore.get", "OrderStore.replace", "StatusQueue.publish"]
ACTIVATING = [
    "handler",
    "TriggerStore.tick",
    "TriggerStore.resting",
    "MockVenue.price",
    "TriggerStore.activate",
    "StatusQueue.publish",
    "OrdersQueue.send_all",
    "OrdersQueue.send",
    "TriggerStore.expire",
    "TriggerStore.fall_asleep",
    "TriggerStore.waiting",
]
APPLYING_A_SWITCH = ["OrderStore.open_ids", "OrderStore.cancel", "TriggerStore.end_switch"]
RESTING_AGAIN = ["Journal.record resting", "TriggerStore.wake", "TriggerQueue.send"]
READING = {
    "OrderStore.get": "/api/orders/{order_id}",
    "OrderStore.page": "/api/orders",
    "OrderStore.ping": "/health/ready",
}
SWEEPING = [
    "handler",
    "OrderStore.due",
    "OrdersQueue.send_all",
    "OrdersQueue.send",
    "OrderStore.extend_watch",
    "OrderStore.purge_finished",
]
PUSHING = ["handler", "Connections.listening_to", "Gateway.post"]
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
    "Journal.record pending": signed_and_expired,
    "OrdersQueue.send_all": signed_and_expired,
    "OrdersQueue.send": signed_and_expired,
}
CALLS = {
    "worker": {
        *TO_A_FILL,
        *TO_A_FAILURE,
        "OrderStore.events",
        "Journal.record expired",
        "ConfirmationsQueue.send",
        "OrdersQueue.change_visibility",
        *RESTING_AGAIN,
    },
    "confirmer": {*CONFIRMING, "OrderStore.events", "Journal.record cancelled", *RESTING_AGAIN},
    "trigger": {*ACTIVATING, *APPLYING_A_SWITCH, "OrderStore.mark_due"},
    "api": {
        *PLACING,
        *PLACING_RESTING,
        *CANCELLING,
        *REPLACING,
        *READING,
        "OrderStore.placed_before",
        "OrderStore.mark_due",
        "OrderStore.open_ids",
        "TriggerStore.set_switch",
        "TriggerStore.clear_switch",
    },
    "websocket": {
        *PLACING,
        *PLACING_RESTING,
        *CANCELLING,
        "Connections.add",
        "Connections.remove",
        "OrderStore.placed_before",
        "OrderStore.mark_due",
        "OrderStore.get",
    },
    "authorizer": {"handler", "KeyLookup.account_of"},
    "sweeper": {*SWEEPING},
    "notifier": {*PUSHING, "Connections.remove", "StatusQueue.change_visibility"},
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
    settings = {**SETTINGS, "LOCAL_AWS_ENDPOINT_URL": aws.url}
    with running_cloud(tmp_path_factory.mktemp("cloud"), crash_points.template, **settings) as cloud:
        aws.target = cloud.aws_url
        yield cloud
        assert_all_hold(cloud.database_url, Policy.of(SETTINGS))


class Listener:
    """Records all events of an account stream."""

    def __init__(self, connection: ClientConnection) -> None:
        self.events: dict[str, dict[int, str]] = {}
        self._connection = connection
        connection.send(json.dumps({"action": "subscribe", "channel": "account"}))
        assert json.loads(connection.recv(timeout=20))["type"] == "subscribed"
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        for text in self._connection:
            for event in json.loads(text)["events"]:
                known = self.events.setdefault(event["orderId"], {})
                assert known.setdefault(event["sequence"], event["status"]) == event["status"]

    def has_every_event(self, order: dict[str, Any]) -> bool:
        """Whether the stream delivered every event of a finished order."""
        return self.events.get(order["orderId"]) == {event["sequence"]: event["status"] for event in order["events"]}


@pytest.fixture(scope="module")
def listener(cloud: Cloud) -> Iterator[Listener]:
    with connect(cloud.websocket_url, additional_headers=cloud.headers) as connection:
        listener = Listener(connection)
        yield listener
    listener.thread.join()


Placed = dict[str, Any]

LIMIT: Placed = {**SOL, "orderType": "limit", "limitPrice": str(FAR_ABOVE)}


@pytest.mark.parametrize("call", TO_A_FILL)
def test_orders_are_filled_despite_a_worker_crash(
    http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    with crash_points.crash("worker", call):
        placed = [place(http) for _ in MOMENTS]
    assert_ended(http, listener, placed, "confirmed")


@pytest.mark.parametrize("call", TO_A_FAILURE)
def test_orders_fail_despite_a_worker_crash(
    http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    with crash_points.crash("worker", call):
        placed = [place(http, {**SOL, "minAmountOut": 1_000_000}) for _ in MOMENTS]
    assert_ended(http, listener, placed, "failed")


def test_abandoned_orders_are_filled_despite_a_worker_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [create_order(cloud, abandoned) for _ in MOMENTS]
    with crash_points.crash("worker", "OrderStore.events"):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "confirmed")


def test_orders_expire_despite_a_worker_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [create_order(cloud, overdue) for _ in MOMENTS]
    with crash_points.crash("worker", "Journal.record expired"):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "expired", "order_expired")


def test_orders_are_handed_over_despite_a_worker_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [create_order(cloud, signed) for _ in MOMENTS]
    with crash_points.crash("worker", "ConfirmationsQueue.send"):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "confirmed")


@pytest.mark.parametrize("call", CONFIRMING)
def test_orders_are_confirmed_despite_a_confirmer_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    placed = [create_order(cloud, CONFIRMING[call]) for _ in MOMENTS]
    with crash_points.crash("confirmer", call):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "confirmed")


def test_settled_orders_are_unaffected_by_a_confirmer_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [place(http)["orderId"] for _ in MOMENTS]
    assert_ended(http, listener, placed, "confirmed")
    with crash_points.crash("confirmer", "OrderStore.events"):
        for order_id in placed:
            body = json.dumps({"orderIds": [order_id]})
            aws_client(cloud, "sqs").send_message(QueueUrl=cloud.queues["ConfirmationsQueue"], MessageBody=body)
    assert_ended(http, listener, placed, "confirmed")


def test_the_worker_recovers_from_a_crash_while_postponing_messages(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints
) -> None:
    with crash_points.crash("worker", "OrdersQueue.change_visibility"):
        send(cloud, "OrdersQueue", [str(uuid4()) for _ in MOMENTS])  # orders that do not exist
    assert finished(http, place(http)["orderId"])["status"] == "confirmed"


@pytest.mark.parametrize("call", PLACING)
def test_orders_are_placed_despite_an_api_crash(http: httpx.Client, crash_points: CrashPoints, call: str) -> None:
    with crash_points.crash("api", call):
        order_id = post_until_accepted(http, str(uuid4()), crashes=2)
    assert finished(http, order_id)["status"] == "confirmed"


def test_a_repeated_request_returns_the_same_order_despite_an_api_crash(
    http: httpx.Client, crash_points: CrashPoints
) -> None:
    key = str(uuid4())
    order_id = post_until_accepted(http, key, crashes=0)
    with crash_points.crash("api", "OrderStore.placed_before"):
        assert post_until_accepted(http, key, crashes=2) == order_id


def test_unqueued_orders_are_executed_despite_an_api_crash(
    http: httpx.Client, aws: AwsProxy, crash_points: CrashPoints
) -> None:
    with aws.without(is_orders_queue), crash_points.crash("api", "OrderStore.mark_due"):
        order_id = post_until_accepted(http, str(uuid4()), crashes=2)
    assert finished(http, order_id)["status"] == "confirmed"


@pytest.mark.parametrize("call", PLACING_MANY)
def test_batches_are_placed_despite_an_api_crash(http: httpx.Client, crash_points: CrashPoints, call: str) -> None:
    orders = [{**order, "clientOrderId": str(uuid4())} for order in (SOL, SOL, LIMIT)]
    with crash_points.crash("api", call):
        answers = [http.post("/api/orders/batch", json={"orders": orders}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    *market, limit = [result["order"] for result in answers[-1].json()["results"]]
    assert len({order["orderId"] for order in (*market, limit)}) == 3
    assert [finished(http, order["orderId"])["status"] for order in market] == ["confirmed"] * 2
    assert cancelled(http, limit["orderId"])["events"][0]["status"] == "resting"


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", PLACING_RESTING)
def test_resting_orders_are_placed_despite_an_api_crash(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str, moment: str
) -> None:
    wait_until_asleep(cloud)
    with crash_points.crash("api", call, moment):
        order_id = post_until_accepted(http, str(uuid4()), crashes=1, order=LIMIT)
    assert [event["status"] for event in cancelled(http, order_id)["events"]] == ["resting", "cancelled"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", CANCELLING)
def test_orders_are_cancelled_despite_an_api_crash(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str, moment: str
) -> None:
    order_id = create_order(cloud, resting)
    with crash_points.crash("api", call, moment):
        assert http.delete(f"/api/orders/{order_id}").status_code == 500
    assert [event["status"] for event in cancelled(http, order_id)["events"]] == ["resting", "cancelled"]


def test_all_orders_are_cancelled_despite_an_api_crash(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints
) -> None:
    placed = [create_order(cloud, resting) for _ in MOMENTS]
    with crash_points.crash("api", "OrderStore.open_ids"):
        answers = [http.delete("/api/orders", params={"status": "resting"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert [finished(http, order_id)["status"] for order_id in placed] == ["cancelled"] * 2


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", REPLACING)
def test_orders_are_replaced_once_despite_an_api_crash(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str, moment: str
) -> None:
    path, terms = f"/api/orders/{create_order(cloud, resting)}", {"amount": 2}
    with crash_points.crash("api", call, moment):
        assert http.patch(path, json=terms).status_code == 500
    replaced = http.patch(path, json=terms).json()
    assert (replaced["amount"], replaced["sequence"]) == ("2", 2)
    cancelled(http, replaced["orderId"])


def test_a_dead_mans_switch_is_set_and_cleared_despite_an_api_crash(
    http: httpx.Client, crash_points: CrashPoints
) -> None:
    for call, seconds in (("TriggerStore.set_switch", 3600), ("TriggerStore.clear_switch", 0)):
        with crash_points.crash("api", call):
            answers = [http.post("/api/orders/cancel-after", json={"seconds": seconds}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [500, 500, 200]
        assert (answers[-1].json()["cancelAt"] is None) == (seconds == 0)


@pytest.mark.parametrize("call", READING)
def test_reads_succeed_after_an_api_crash(http: httpx.Client, crash_points: CrashPoints, call: str) -> None:
    path = READING[call].format(order_id=place(http)["orderId"])
    with crash_points.crash("api", call):
        assert [http.get(path).status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("call", [*PLACING, "Connections.add"])
def test_orders_are_placed_despite_a_websocket_function_crash(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str
) -> None:
    with opened(cloud) as socket, crash_points.crash("websocket", call):
        frame = ask_until_answered(socket, execute(str(uuid4())))
    assert finished(http, frame["orderId"])["status"] == "confirmed"


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", PLACING_RESTING)
def test_resting_orders_are_placed_despite_a_websocket_function_crash(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str, moment: str
) -> None:
    wait_until_asleep(cloud)
    with opened(cloud) as socket, crash_points.crash("websocket", call, moment):
        frame = ask_until_answered(socket, execute(str(uuid4()), LIMIT), crashes=1)
    assert [event["status"] for event in cancelled(http, frame["orderId"])["events"]] == ["resting", "cancelled"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", CANCELLING)
def test_orders_are_cancelled_despite_a_websocket_function_crash(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str, moment: str
) -> None:
    order_id = create_order(cloud, resting)
    with opened(cloud) as socket, crash_points.crash("websocket", call, moment):
        frame = ask_until_answered(socket, {"action": "cancel", "orderId": order_id}, crashes=1)
    assert (frame["type"], frame["status"]) == ("cancelled", "cancelled")
    assert finished(http, order_id)["sequence"] == 2


@pytest.mark.parametrize("call", ["OrderStore.placed_before", "OrderStore.get"])
def test_a_repeated_message_returns_the_same_order_despite_a_websocket_function_crash(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str
) -> None:
    order = execute(str(uuid4()))
    with opened(cloud) as socket:
        first = socket.ask(order)
        with crash_points.crash("websocket", call):
            again = ask_until_answered(socket, order)
    assert (again["orderId"], again["replayed"]) == (first["orderId"], True)


def test_unqueued_orders_are_executed_despite_a_websocket_function_crash(
    cloud: Cloud, http: httpx.Client, aws: AwsProxy, crash_points: CrashPoints
) -> None:
    with opened(cloud) as socket, aws.without(is_orders_queue), crash_points.crash("websocket", "OrderStore.mark_due"):
        frame = ask_until_answered(socket, execute(str(uuid4())))
    assert finished(http, frame["orderId"])["status"] == "confirmed"


def test_unsubscribing_succeeds_after_a_websocket_function_crash(cloud: Cloud, crash_points: CrashPoints) -> None:
    with opened(cloud) as socket:
        assert socket.ask({"action": "subscribe", "channel": "account"})["type"] == "subscribed"
        with crash_points.crash("websocket", "Connections.remove"):
            frame = ask_until_answered(socket, {"action": "unsubscribe", "channel": "account"})
        assert frame["type"] == "unsubscribed"


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", ACTIVATING)
def test_orders_are_activated_despite_a_trigger_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str, moment: str
) -> None:
    with crash_points.crash("trigger", call, moment):
        order_id = create_order(cloud, reached)
        start_trigger(cloud)
    assert_ended(http, listener, [order_id], "confirmed")


@pytest.mark.parametrize("moment", MOMENTS)
def test_unqueued_orders_are_executed_despite_a_trigger_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, aws: AwsProxy, crash_points: CrashPoints, moment: str
) -> None:
    with aws.without(is_orders_queue), crash_points.crash("trigger", "OrderStore.mark_due", moment):
        order_id = create_order(cloud, reached)
        start_trigger(cloud)
    assert_ended(http, listener, [order_id], "confirmed")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", APPLYING_A_SWITCH)
def test_a_dead_mans_switch_is_applied_despite_a_trigger_crash(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str, moment: str
) -> None:
    with crash_points.crash("trigger", call, moment):
        order_id = create_order(cloud, resting)
        http.post("/api/orders/cancel-after", json={"seconds": 1}).raise_for_status()
        start_trigger(cloud)
    assert finished(http, order_id)["status"] == "cancelled"
    set_switches = "SELECT FROM dead_mans_switches"
    eventually(lambda: not rows(cloud, set_switches), "the switch is off, and cancels nothing else")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", RESTING_AGAIN)
@pytest.mark.parametrize(("function", "state"), [("worker", activated), ("confirmer", price_gone)])
def test_orders_rest_again_despite_a_crash(
    cloud: Cloud,
    http: httpx.Client,
    listener: Listener,
    crash_points: CrashPoints,
    function: str,
    state: State,
    call: str,
    moment: str,
) -> None:
    wait_until_asleep(cloud)
    order_id = create_order(cloud, state)
    with crash_points.crash(function, call, moment):
        send(cloud, "OrdersQueue", [order_id])
    eventually(lambda: http.get(f"/api/orders/{order_id}").json()["status"] == "resting", "the order rests again")
    cancelled(http, order_id)
    assert_ended(http, listener, [order_id], "cancelled")


def test_orders_are_cancelled_despite_a_confirmer_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [create_order(cloud, cancel_requested) for _ in MOMENTS]
    with crash_points.crash("confirmer", "Journal.record cancelled"):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "cancelled", "transaction_expired")


@pytest.mark.parametrize("call", ["handler", "KeyLookup.account_of"])
def test_requests_are_authorized_after_an_authorizer_crash(
    cloud: Cloud, http: httpx.Client, crash_points: CrashPoints, call: str
) -> None:
    headers = headers_of_new_account(cloud, f"account-{uuid4()}")
    with crash_points.crash("authorizer", call):
        assert [http.get("/api/orders", headers=headers).status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("call", PUSHING)
def test_every_event_is_delivered_despite_a_notifier_crash(
    http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    with crash_points.crash("notifier", call):
        placed = [place(http) for _ in MOMENTS]
    assert_ended(http, listener, placed, "confirmed")


def test_closed_connections_are_unsubscribed_despite_a_notifier_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints
) -> None:
    placed = [create_order(cloud, unclaimed) for _ in MOMENTS]
    with opened(cloud) as socket:
        for order_id in placed:
            assert socket.ask({"orderId": order_id})["type"] == "snapshot"
    with crash_points.crash("notifier", "Connections.remove"):
        send(cloud, "OrdersQueue", placed)
    assert_ended(http, listener, placed, "confirmed")


def test_every_event_is_delivered_after_a_dynamodb_outage_despite_a_notifier_crash(
    http: httpx.Client, aws: AwsProxy, listener: Listener, crash_points: CrashPoints
) -> None:
    place(http)  # the authorizer's response to this key is now cached for a minute
    with (
        aws.without(lambda service, body: service == "dynamodb"),
        crash_points.crash("notifier", "StatusQueue.change_visibility"),
    ):
        placed = [place(http) for _ in MOMENTS]
    assert_ended(http, listener, placed, "confirmed")


@pytest.mark.parametrize("call", SWEEPING)
def test_orders_are_requeued_despite_a_sweeper_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    old = create_order(cloud, long_finished)
    for moment in MOMENTS:  # one after the other: the orders that one sweep sends are not due for the next
        with crash_points.crash("sweeper", call, moment):
            order_id = create_order(cloud, due)
        assert_ended(http, listener, [order_id], "confirmed")
    eventually(lambda: http.get(f"/api/orders/{old}").status_code == 404, "an old order was deleted")


@pytest.mark.parametrize("call", SETTLING)
def test_dead_letters_are_settled_despite_a_dead_letter_function_crash(
    cloud: Cloud, http: httpx.Client, listener: Listener, crash_points: CrashPoints, call: str
) -> None:
    make, status, error = SETTLING[call]
    placed = [create_order(cloud, make) for _ in MOMENTS]
    with crash_points.crash("dead_letter", call):
        send(cloud, "OrdersDeadLetterQueue", placed)
    assert_ended(http, listener, placed, status, error)


def test_poison_messages_are_kept_despite_a_dead_letter_function_crash(cloud: Cloud, crash_points: CrashPoints) -> None:
    unknown = {str(uuid4()) for _ in MOMENTS}
    with crash_points.crash("dead_letter", "PoisonQueue.send"):
        send(cloud, "OrdersDeadLetterQueue", unknown)
    found: set[str] = set()

    def both() -> bool:
        found.update(poison_messages(cloud))
        return unknown <= found

    eventually(both, "both are in the poison queue")


@pytest.mark.parametrize("function", CALLS)
def test_every_call_of_a_function_has_a_crash_point_here(crash_points: CrashPoints, function: str) -> None:
    assert crash_points.calls_of(function) <= CALLS[function]


def assert_ended(
    http: httpx.Client, listener: Listener, placed: Sequence[str | Placed], status: str, error: str | None = None
) -> None:
    """All orders have this final status and error, and the listener got every event."""
    for each in placed:
        order = finished(http, each if isinstance(each, str) else each["orderId"])
        assert order["status"] == status
        assert error in (None, order.get("error", {}).get("code"))
        eventually(lambda order=order: listener.has_every_event(order), "every event is delivered")  # type: ignore[misc]


def post_until_accepted(http: httpx.Client, key: str, crashes: int, order: Placed = SOL) -> str:
    """Repeat a POST through this many crashes; returns the order's id."""
    headers = {"Idempotency-Key": key}
    answers = [http.post("/api/orders/execute", json=order, headers=headers) for _ in range(crashes + 1)]
    assert [answer.status_code for answer in answers[:-1]] == [500] * crashes
    assert answers[-1].status_code in (200, 202)
    return str(answers[-1].json()["orderId"])


def cancelled(http: httpx.Client, order_id: str) -> dict[str, Any]:
    """Cancel a resting order, perhaps again; returns it."""
    answer = http.delete(f"/api/orders/{order_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled"), answer.text
    return finished(http, order_id)


def execute(key: str, order: Placed = SOL) -> dict[str, Any]:
    return {"action": "execute", "clientOrderId": key, **order}


def ask_until_answered(socket: Socket, message: dict[str, Any], crashes: int = len(MOMENTS)) -> dict[str, Any]:
    """Repeat a message through this many crashes; returns the response."""
    for _ in range(crashes):
        socket.send(message)
        while (frame := socket.receive()).get("type") in ("status", "events"):
            pass
        assert frame["message"] == "Internal server error"
    return socket.ask(message)


def send(cloud: Cloud, queue: str, order_ids: Iterable[str]) -> None:
    for order_id in order_ids:
        body = json.dumps({"orderId": order_id})
        aws_client(cloud, "sqs").send_message(QueueUrl=cloud.queues[queue], MessageBody=body)


def start_trigger(cloud: Cloud) -> None:
    aws_client(cloud, "sqs").send_message(QueueUrl=cloud.queues["TriggerQueue"], MessageBody="{}")


def wait_until_asleep(cloud: Cloud) -> None:
    """The next order that rests starts the trigger. Nothing may be resting now."""
    asleep = "SELECT FROM trigger_state WHERE awake_until < now()"
    eventually(lambda: rows(cloud, asleep), "the trigger is not running")


def rows(cloud: Cloud, query: LiteralString) -> list[Any]:
    with psycopg.connect(cloud.database_url) as connection:
        return connection.execute(query).fetchall()


def poison_messages(cloud: Cloud) -> set[str]:
    """The order ids in up to ten messages of the poison queue."""
    messages = aws_client(cloud, "sqs").receive_message(
        QueueUrl=cloud.queues["OrdersPoisonQueue"], MaxNumberOfMessages=10
    )
    return {json.loads(message["Body"])["orderId"] for message in messages.get("Messages", [])}
