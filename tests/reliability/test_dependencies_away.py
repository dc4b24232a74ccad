"""Postgres, the queues, DynamoDB and the venues go away and come back."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cloud import QUICK, Cloud, client_of, running_cloud
from tests.e2e.test_http import SOL, finished, place
from tests.e2e.test_websocket import complete, opened
from tests.polling import eventually
from tests.postgres import TestServer
from tests.reliability.invariants import assert_all_hold
from tests.reliability.proxies import AwsProxy, TcpProxy, aws_proxy, tcp_proxy

PATIENT = {**QUICK, "WATCHDOG_SECONDS": "3", "LEASE_SECONDS": "11"}


@pytest.fixture(scope="module")
def database(postgres_server: TestServer) -> Iterator[TcpProxy]:
    with postgres_server.fresh_copy() as url, tcp_proxy(url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsProxy]:
    with aws_proxy() as proxy:
        yield proxy


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, database: TcpProxy, aws: AwsProxy) -> Iterator[Cloud]:
    settings = {**PATIENT, "LOCAL_DATABASE_URL": database.url, "LOCAL_AWS_ENDPOINT_URL": aws.url}
    with running_cloud(tmp_path_factory.mktemp("cloud"), **settings) as cloud:
        aws.target = cloud.aws_url
        yield cloud
        assert_all_hold(database.url)


@pytest.fixture
def http(cloud: Cloud) -> Iterator[httpx.Client]:
    with client_of(cloud) as client:
        place(client)  # the authorizer knows the key now, and keeps it for a minute
        yield client


@pytest.mark.parametrize("how", ["refuse", "hang"])
def test_without_postgres_a_post_is_503_within_3_seconds_and_work_goes_on_by_itself(
    database: TcpProxy, http: httpx.Client, how: str
) -> None:
    waiting = [place(http)["orderId"] for _ in range(5)]
    getattr(database, how)()
    try:
        began = time.monotonic()
        answer = http.post("/api/orders/execute", json=SOL)
        assert time.monotonic() - began < 3
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) >= 1
        assert http.get("/health/ready").status_code == 503
        assert http.get("/health").status_code == 200
    finally:
        database.heal()
    for order_id in waiting:
        document = eventually(lambda order_id=order_id: _terminal(http, order_id), f"{order_id} is finished", 60)
        assert document["status"] == "confirmed"
    assert finished(http, place(http)["orderId"])["status"] == "confirmed"


def test_an_outage_before_the_claim_uses_no_attempt(database: TcpProxy, aws: AwsProxy, http: httpx.Client) -> None:
    aws.is_down = lambda service, body: service == "sqs"
    order_id = place(http)["orderId"]  # stored; the queue did not take it
    database.refuse()
    try:
        aws.is_down = lambda service, body: False
    finally:
        database.heal()
    document = eventually(lambda: _terminal(http, order_id), "the order is finished", 60)
    assert (document["status"], document["attempt"]) == ("confirmed", 1)


def test_without_the_orders_queue_orders_are_accepted_and_run_when_it_is_back(
    aws: AwsProxy, http: httpx.Client
) -> None:
    aws.is_down = lambda service, body: service == "sqs" and "OrdersQueue" in body
    try:
        answer = http.post("/api/orders/execute", json=SOL)
        assert answer.status_code == 202
    finally:
        aws.is_down = lambda service, body: False
    assert finished(http, answer.json()["orderId"])["status"] == "confirmed"


@pytest.mark.parametrize("away", ["sqs", "dynamodb"])
def test_without_status_queue_or_dynamodb_orders_finish_and_pushes_resume(
    cloud: Cloud, aws: AwsProxy, http: httpx.Client, away: str
) -> None:
    with opened(cloud) as socket:
        assert socket.ask({"action": "subscribe", "channel": "account"})["type"] == "subscribed"
        aws.is_down = lambda service, body: service == away and "OrdersQueue" not in body
        try:
            order = finished(http, place(http)["orderId"])
            assert order["status"] == "confirmed"
            if away == "dynamodb":
                answer = socket.ask({"orderId": order["orderId"]})
                assert (answer["type"], answer["code"]) == ("error", "connections_unavailable")
        finally:
            aws.is_down = lambda service, body: False
        order_id = place(http)["orderId"]
        socket.events_until(lambda events: complete([event for event in events if event["orderId"] == order_id]))


def _terminal(http: httpx.Client, order_id: str) -> dict[str, object] | None:
    answer = http.get(f"/api/orders/{order_id}")
    document: dict[str, object] = answer.json()
    return document if answer.status_code == 200 and document["terminal"] else None


@pytest.mark.parametrize(("latency", "status"), [("40", "failed")])
def test_venues_that_hang_are_tried_again_and_then_the_order_fails_with_that_reason(
    tmp_path: Path, latency: str, status: str
) -> None:
    settings = {**QUICK, "MOCK_LATENCY": latency, "VENUE_TIMEOUT_SECONDS": "0.3"}
    with running_cloud(tmp_path, **settings) as cloud, client_of(cloud) as http:
        document = finished(http, place(http)["orderId"])
        assert (document["status"], document["attempt"], document["error"]["code"]) == (status, 3, "no_quote")
        assert "did not answer within 0.3 s" in document["error"]["message"]
