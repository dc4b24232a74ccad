"""The runbook's queries and the functions' metrics, checked on the local cloud's logs."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import httpx
import pytest
from websockets.sync.client import connect

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from testing.cloud import QUICK, Cloud, client_of, running_cloud
from testing.engine import new_order, placed
from testing.logs_insights import Line, documented_query, lines_of, run
from testing.orders import finished, place
from testing.polling import eventually

AWS = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1")


@pytest.fixture(scope="module")
def failing_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud whose venues always fail."""
    with running_cloud(tmp_path_factory.mktemp("failing"), **QUICK, MOCK_FAILURE_RATE="1") as cloud:
        yield cloud


def log_lines_of(order: dict[str, Any], cloud: Cloud) -> list[Line]:
    """The log lines that the runbook's query finds for an order."""
    return run(documented_query("an order's log lines", ORDER_ID=order["orderId"]), lines_of(cloud.directory / "logs"))


def metrics_of(cloud: Cloud) -> list[dict[str, Any]]:
    """The metric documents of all functions."""
    logs = (cloud.directory / "logs").glob("*Function.log")
    texts = [text for log in logs for text in log.read_text().splitlines()]
    return [json.loads(text) for text in texts if '"_aws"' in text]


def test_one_query_finds_an_orders_log_lines_from_acceptance_to_push(cloud: Cloud, http: httpx.Client) -> None:
    with connect(cloud.websocket_url, additional_headers=cloud.headers) as socket:
        socket.send(json.dumps({"action": "subscribe", "channel": "account"}))
        assert json.loads(socket.recv(timeout=20))["type"] == "subscribed"
        order = place(http)
        finished(http, order["orderId"])

        def pushed() -> list[Line]:
            lines = [line for line in log_lines_of(order, cloud) if line["message"] == "pushed"]
            return lines if {sequence for line in lines for sequence in line["sequences"]} >= {1, 2, 3, 4, 5} else []

        eventually(pushed, "every event is pushed")
    story = log_lines_of(order, cloud)
    assert (story[0]["service"], story[0]["message"]) == ("api", "accepted")
    (confirmed,) = [line for line in story if line["message"] == "confirmed"]
    assert (confirmed["service"], confirmed["attempt"]) == ("worker", 1)
    assert {line["service"] for line in story} == {"api", "worker", "notifier"}
    assert all(line["xray_trace_id"].startswith("1-") for line in story)


def test_the_query_finds_requeues_and_dead_letters(cloud: Cloud) -> None:
    """An order that was never queued is requeued by the sweeper; then its message becomes a dead letter, too."""

    async def place_without_queueing() -> str:
        database = Database(cloud.database_url)
        new = new_order(account="no-subscribers")
        order = await placed(OrderStore(database), new, watchdog=timedelta())
        await database.close()
        return str(order.id)

    order = {"orderId": asyncio.run(place_without_queueing())}

    def logged(*messages: str) -> bool:
        return [line["message"] for line in log_lines_of(order, cloud) if line["message"] != "pushed"] == [*messages]

    eventually(lambda: logged("requeued: no progress in time", "confirmed"), "the sweeper requeues the order")
    sqs = AWS.client("sqs", endpoint_url=cloud.aws_url)
    sqs.send_message(QueueUrl=cloud.queues["OrdersDeadLetterQueue"], MessageBody=json.dumps(order))
    last = "dead letter settled"
    eventually(lambda: logged("requeued: no progress in time", "confirmed", last), "the dead letter is settled")
    assert [line["service"] for line in log_lines_of(order, cloud)] == ["sweeper", "worker", "dead_letter"]


def test_a_failed_orders_log_lines_have_its_attempts_and_the_reason(failing_cloud: Cloud) -> None:
    with client_of(failing_cloud) as http:
        order = place(http)
        assert finished(http, order["orderId"])["status"] == "failed"

    def failed() -> list[Line]:
        story = log_lines_of(order, failing_cloud)
        return story if story[-1]["message"] == "failed" else []

    story = eventually(failed, "the failure is logged")
    assert [(line["service"], line["message"], line.get("attempt")) for line in story] == [
        ("api", "accepted", None),
        ("worker", "attempt failed", 1),
        ("worker", "attempt failed", 2),
        ("worker", "failed", 3),
    ]
    assert {line["reason"] for line in story[1:]} == {"no_quote"}
    reasons = run(documented_query("why orders failed"), lines_of(failing_cloud.directory / "logs"))
    assert reasons == [{"reason": "no_quote", "failures": 1}]

    def counted() -> list[tuple[str, str]]:
        documents = [document for document in metrics_of(failing_cloud) if document.get("reason") == "no_quote"]
        return [(document["service"], name) for document in documents for name in document if name.endswith("Failed")]

    eventually(lambda: ("worker", "OrdersFailed") in counted(), "the failure is counted")
    assert counted() == [("worker", "AttemptsFailed"), ("worker", "AttemptsFailed"), ("worker", "OrdersFailed")]


def test_accepted_and_confirmed_orders_are_counted(cloud: Cloud, http: httpx.Client) -> None:
    def counted() -> dict[str, float]:
        documents = metrics_of(cloud)
        assert all(
            directive["Namespace"] == "OrderEngine/local"
            for document in documents
            for directive in document["_aws"]["CloudWatchMetrics"]
        )
        names = ("OrdersAccepted", "OrdersConfirmed", "Attempts", "TimeToConfirm", "RoutingGainBps")
        return {name: sum(len(document.get(name, [])) for document in documents) for name in names}

    before = counted()
    for order in [place(http) for _ in range(3)]:
        assert finished(http, order["orderId"])["status"] == "confirmed"

    def all_counted() -> bool:
        return all(number >= before[name] + 3 for name, number in counted().items())

    eventually(all_counted, "three orders are counted")  # the worker emits its metrics at the end of a batch
