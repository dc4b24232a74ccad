"""Postgres, the queues, DynamoDB and the venues become unavailable and recover."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from testing.cloud import QUICK, Cloud, client_of, running_cloud
from testing.faults.invariants import Policy, assert_all_hold
from testing.faults.proxies import AwsProxy, TcpProxy, aws_proxy, tcp_proxy
from testing.orders import SOL, finished, place
from testing.polling import eventually
from testing.postgres import TestServer
from testing.sockets import complete, opened

pytestmark = pytest.mark.reliability

SETTINGS = {**QUICK, "WATCHDOG_SECONDS": "3", "LEASE_SECONDS": "11"}


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
    settings = {**SETTINGS, "LOCAL_DATABASE_URL": database.url, "LOCAL_AWS_ENDPOINT_URL": aws.url}
    with running_cloud(tmp_path_factory.mktemp("cloud"), **settings) as cloud:
        aws.target = cloud.aws_url
        yield cloud
        assert_all_hold(database.url, Policy.of(SETTINGS))


@pytest.fixture
def http(cloud: Cloud) -> Iterator[httpx.Client]:
    with client_of(cloud) as client:
        place(client)  # the authorizer's response to this key is now cached for a minute
        yield client


def test_without_postgres_orders_are_rejected_and_work_resumes_by_itself_afterwards(
    database: TcpProxy, http: httpx.Client
) -> None:
    waiting = [place(http)["orderId"] for _ in range(5)]
    database.refuse()
    try:
        answer = _unavailable(http, "database_unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        assert http.get("/health/ready").status_code == 503
        assert http.get("/health").status_code == 200
    finally:
        database.heal()
    _all_are_confirmed(http, waiting)


def test_after_a_lost_response_a_retry_returns_the_stored_order(database: TcpProxy, http: httpx.Client) -> None:
    waiting, key = place(http)["orderId"], {"Idempotency-Key": str(uuid4())}
    database.mute()
    try:
        unknown = _unavailable(http, "outcome_unknown", key)
        assert "Retry-After" not in unknown.headers
    finally:
        database.heal()
    order_id = unknown.json()["orderId"]
    again = http.post("/api/orders/execute", json=SOL, headers=key)
    assert (again.status_code, again.json()["orderId"]) == (200, order_id)
    _all_are_confirmed(http, [waiting, order_id])


def test_after_a_lost_statement_a_retry_places_the_order(database: TcpProxy, http: httpx.Client) -> None:
    waiting, key = place(http)["orderId"], {"Idempotency-Key": str(uuid4())}
    database.hang()
    try:
        unknown = _unavailable(http, "outcome_unknown", key)
        assert "Retry-After" not in unknown.headers
        database.refuse()  # the statement that the proxy holds back is lost
    finally:
        database.heal()
    again = http.post("/api/orders/execute", json=SOL, headers=key)
    assert again.status_code == 202
    assert http.get(f"/api/orders/{unknown.json()['orderId']}").status_code == 404
    _all_are_confirmed(http, [waiting, again.json()["orderId"]])


def test_an_outage_before_the_claim_uses_up_no_attempt(database: TcpProxy, aws: AwsProxy, http: httpx.Client) -> None:
    with aws.without(lambda service, body: service == "sqs"):
        order_id = place(http)["orderId"]  # stored, but not queued
        database.refuse()
    database.heal()
    document = eventually(lambda: _terminal(http, order_id), "the order is finished", 60)
    assert (document["status"], document["attempt"]) == ("confirmed", 1)


def test_without_the_orders_queue_orders_are_accepted_and_executed_afterwards(
    aws: AwsProxy, http: httpx.Client
) -> None:
    with aws.without(lambda service, body: service == "sqs" and "OrdersQueue" in body):
        answer = http.post("/api/orders/execute", json=SOL)
        assert answer.status_code == 202
    assert finished(http, answer.json()["orderId"])["status"] == "confirmed"


@pytest.mark.parametrize("unavailable", ["sqs", "dynamodb"])
def test_without_the_status_queue_or_dynamodb_orders_finish_and_pushes_resume_afterwards(
    cloud: Cloud, aws: AwsProxy, http: httpx.Client, unavailable: str
) -> None:
    with opened(cloud) as socket:
        assert socket.ask({"action": "subscribe", "channel": "account"})["type"] == "subscribed"
        with aws.without(lambda service, body: service == unavailable and "OrdersQueue" not in body):
            order = finished(http, place(http)["orderId"])
            assert order["status"] == "confirmed"
            if unavailable == "dynamodb":
                answer = socket.ask({"orderId": order["orderId"]})
                assert (answer["type"], answer["code"]) == ("error", "connections_unavailable")
        order_id = place(http)["orderId"]
        socket.events_until(lambda events: complete([event for event in events if event["orderId"] == order_id]))


def _unavailable(http: httpx.Client, code: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """POST an order while Postgres is unavailable; the response must be this problem, within three seconds."""
    began = time.monotonic()
    answer = http.post("/api/orders/execute", json=SOL, headers=headers)
    assert time.monotonic() - began < 3
    assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer


def _all_are_confirmed(http: httpx.Client, order_ids: Sequence[str]) -> None:
    for order_id in order_ids:
        document = eventually(lambda order_id=order_id: _terminal(http, order_id), f"{order_id} is finished", 60)  # type: ignore[misc]
        assert document["status"] == "confirmed"


def _terminal(http: httpx.Client, order_id: str) -> dict[str, object] | None:
    answer = http.get(f"/api/orders/{order_id}")
    document: dict[str, object] = answer.json()
    return document if answer.status_code == 200 and document["terminal"] else None


def test_venues_that_hang_are_retried_until_the_order_fails_with_that_reason(tmp_path: Path) -> None:
    settings = {**QUICK, "MOCK_LATENCY": "40", "VENUE_TIMEOUT_SECONDS": "0.3"}
    with running_cloud(tmp_path, **settings) as cloud, client_of(cloud) as http:
        document = finished(http, place(http)["orderId"])
        assert (document["status"], document["attempt"], document["error"]["code"]) == ("failed", 3, "no_quote")
        assert "did not answer within 0.3 s" in document["error"]["message"]
