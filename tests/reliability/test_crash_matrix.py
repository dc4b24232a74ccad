"""A process is killed before and after each write and each call that it makes; every order still ends once.

The processes are those of the running local cloud, the database is real, and the deaths are SIGKILL.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from websockets.sync.client import ClientConnection, connect

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from tests.accounts import aws_client
from tests.cloud import Cloud, running_cloud
from tests.e2e.test_http import SOL, finished, place
from tests.engine import LIFETIME, new_order
from tests.polling import eventually
from tests.reliability.invariants import assert_all_hold
from tests.reliability.sabotage import Sabotage

SECONDS = {
    "MOCK_LATENCY": "0",
    "BACKOFF_SECONDS": "0",
    "WORKER_TIMEOUT": "5",
    "LEASE_SECONDS": "1.5",
    "ORDERS_VISIBILITY_TIMEOUT": "2",
    "WATCHDOG_SECONDS": "2",
    "SWEEP_SCHEDULE": "rate(1 second)",
    "TRANSACTION_VALIDITY_SECONDS": "4",
    "LOCAL_CONCURRENCY": "4",
}
DEV_ACCOUNT = "demo"
WORKER = [
    (seam, moment)
    for seam in (
        "claim",
        "quote",
        "record-building",
        "build",
        "record-submitted",
        "send",
        "landing",
        "record-confirmed",
        "publish",
        "handler",
    )
    for moment in ("before", "after")
]


@pytest.fixture(scope="module")
def sabotage(tmp_path_factory: pytest.TempPathFactory) -> Sabotage:
    return Sabotage(tmp_path_factory.mktemp("sabotage"))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, sabotage: Sabotage) -> Iterator[Cloud]:
    with running_cloud(tmp_path_factory.mktemp("cloud"), sabotage.template, **SECONDS) as cloud:
        yield cloud
        assert_all_hold(cloud.database_url)


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


@pytest.fixture(scope="module")
def listener(cloud: Cloud) -> Iterator[Listener]:
    with connect(cloud.websocket_url, additional_headers=cloud.headers) as connection:
        listener = Listener(connection)
        yield listener
    listener.thread.join()


def told_everything(listener: Listener, order: dict[str, object]) -> bool:
    """Whether the stream had every step of a finished order."""
    events = order["events"]
    assert isinstance(events, list)
    return listener.told.get(str(order["orderId"])) == {event["sequence"]: event["status"] for event in events}


@pytest.mark.parametrize(("seam", "moment"), WORKER)
def test_the_worker_dies(
    cloud: Cloud, sabotage: Sabotage, http: httpx.Client, listener: Listener, seam: str, moment: str
) -> None:
    sabotage.plan("worker", seam, moment)
    order_id = place(http)["orderId"]
    eventually(lambda: sabotage.is_done("worker", seam, moment), "the worker died there")
    order = finished(http, order_id)
    assert order["status"] == "confirmed"
    eventually(lambda: told_everything(listener, order), "its client was told every step")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_worker_dies_while_it_puts_a_message_off(
    cloud: Cloud, sabotage: Sabotage, http: httpx.Client, moment: str
) -> None:
    sabotage.plan("worker", "hide", moment)
    send(cloud, "OrdersQueue", str(uuid4()))  # an order that nobody placed
    eventually(lambda: sabotage.is_done("worker", "hide", moment), "the worker died there")
    assert finished(http, place(http)["orderId"])["status"] == "confirmed"


@pytest.mark.parametrize(("seam", "moment"), [("place", "before"), ("place", "after"), ("send", "after")])
def test_the_api_dies_between_insert_and_send(sabotage: Sabotage, http: httpx.Client, seam: str, moment: str) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    sabotage.plan("api", seam, moment)
    assert http.post("/api/orders/execute", json=SOL, headers=key).status_code == 500
    assert sabotage.is_done("api", seam, moment)
    again = http.post("/api/orders/execute", json=SOL, headers=key)
    assert again.status_code == (202 if (seam, moment) == ("place", "before") else 200)
    assert finished(http, again.json()["orderId"])["status"] == "confirmed"


@pytest.mark.parametrize(
    ("seam", "moment"), [("listening_to", "after"), ("post", "before"), ("post", "after"), ("handler", "after")]
)
def test_the_notifier_dies(sabotage: Sabotage, http: httpx.Client, listener: Listener, seam: str, moment: str) -> None:
    sabotage.plan("notifier", seam, moment)
    order = finished(http, place(http)["orderId"])
    eventually(lambda: sabotage.is_done("notifier", seam, moment), "the notifier died there")
    eventually(lambda: told_everything(listener, order), "its client was told every step all the same")


@pytest.mark.parametrize(("seam", "moment"), [("due", "after"), ("send_all", "before"), ("send_all", "after")])
def test_the_sweeper_dies(sabotage: Sabotage, http: httpx.Client, seam: str, moment: str) -> None:
    sabotage.plan("api", "send", "before")  # so there is something to sweep
    key = {"Idempotency-Key": str(uuid4())}
    sabotage.plan("sweeper", seam, moment)
    assert http.post("/api/orders/execute", json=SOL, headers=key).status_code == 500
    eventually(lambda: sabotage.is_done("sweeper", seam, moment), "the sweeper died there")
    order_id = http.post("/api/orders/execute", json=SOL, headers=key).json()["orderId"]
    assert finished(http, order_id)["status"] == "confirmed"


@pytest.mark.parametrize(
    ("seam", "moment"),
    [("record-failed", "before"), ("record-failed", "after"), ("publish", "before"), ("handler", "after")],
)
def test_the_dead_letter_function_dies(
    cloud: Cloud, sabotage: Sabotage, http: httpx.Client, listener: Listener, seam: str, moment: str
) -> None:
    sabotage.plan("dead_letter", seam, moment)
    exhausted = asyncio.run(an_order_without_attempts_left(cloud))
    send(cloud, "OrdersDeadLetterQueue", exhausted)
    eventually(lambda: sabotage.is_done("dead_letter", seam, moment), "the dead-letter function died there")
    order = finished(http, exhausted)
    assert (order["status"], order["error"]["code"]) == ("failed", "attempts_exhausted")
    eventually(lambda: told_everything(listener, order), "its client was told every step")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_dead_letter_function_dies_while_it_sends_an_order_back(
    cloud: Cloud, sabotage: Sabotage, http: httpx.Client, moment: str
) -> None:
    sabotage.plan("dead_letter", "send", moment)
    unclaimed = asyncio.run(an_order_nobody_claimed(cloud))
    send(cloud, "OrdersDeadLetterQueue", unclaimed)
    eventually(lambda: sabotage.is_done("dead_letter", "send", moment), "the dead-letter function died there")
    assert finished(http, unclaimed)["status"] == "confirmed"


def send(cloud: Cloud, queue: str, order_id: str) -> None:
    body = json.dumps({"orderId": order_id})
    aws_client(cloud, "sqs").send_message(QueueUrl=cloud.queues[queue], MessageBody=body)


async def an_order_nobody_claimed(cloud: Cloud) -> str:
    """In the database, not in the queue, and of no interest to the sweeper for an hour."""
    database = Database(cloud.database_url)
    new = new_order(account=DEV_ACCOUNT)
    order, _ = await OrderStore(database).place(new, lifetime=LIFETIME, watchdog=timedelta(hours=1))
    await database.close()
    return str(order.id)


async def an_order_without_attempts_left(cloud: Cloud) -> str:
    """Three attempts were begun, and all who began them are gone."""
    order_id = await an_order_nobody_claimed(cloud)
    database = Database(cloud.database_url)
    for _ in range(3):
        await OrderStore(database).claim([UUID(order_id)], lease=timedelta(), max_attempts=3)
    await database.close()
    with psycopg.connect(cloud.database_url) as connection:
        connection.execute("UPDATE orders SET watchdog_at = now() + interval '1 hour' WHERE id = %s", (order_id,))
    return order_id
