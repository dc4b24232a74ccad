"""No log contains a secret: a run with valid and invalid keys, over HTTP and WebSocket, and a database outage."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from localcloud.postgres import functions_password
from order_engine.settings import Settings
from testing.accounts import api_keys
from testing.cloud import QUICK, Cloud, running_cloud
from testing.polling import eventually
from tests.e2e.frames import Socket

pytestmark = pytest.mark.security

SOL = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1}
AUTHORIZATION = re.compile(rb"(bearer|basic)[ .]+\S{8}|oek_\w", re.IGNORECASE)


@pytest.fixture(scope="module", params=["INFO", "DEBUG"])
def logging_cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The shared cloud, with the default log level, and another one that logs at DEBUG level."""
    if request.param == "INFO":
        yield request.getfixturevalue("cloud")
    else:
        with running_cloud(tmp_path_factory.mktemp("debug"), **QUICK, LOG_LEVEL=request.param) as cloud:
            yield cloud


@contextmanager
def database_outage(cloud: Cloud) -> Iterator[None]:
    """Close all connections to the database and reject new ones."""
    admin_url = f"{cloud.database_url.rsplit('/', 1)[0]}/postgres"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("ALTER DATABASE orders ALLOW_CONNECTIONS false")
        try:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'orders'")
            yield
        finally:
            admin.execute("ALTER DATABASE orders ALLOW_CONNECTIONS true")


def send_keys(http: httpx.Client, good: str, others: list[str]) -> None:
    """Send valid and invalid keys, where they belong and elsewhere."""
    order = http.post("/api/orders/execute", json=SOL, headers={"Authorization": f"Bearer {good}"})
    assert order.status_code == 202
    for key in (good, *others):
        for header in (f"Bearer {key}", f"Basic {key}", key, f"Bearer {key}x", f"Bearer é{key}"):
            http.get("/api/orders", headers={b"Authorization": header.encode()})
        http.get("/api/orders", headers={b"Authorization": b"Bearer \xff" + key.encode()})
        http.get(f"/api/orders/{key}", headers={"Authorization": f"Bearer {good}"})
        http.get("/api/orders", params={"key": key}, headers={"Authorization": f"Bearer {good}"})
        http.get("/api/orders", params={"cursor": key}, headers={"Authorization": f"Bearer {good}", "Cookie": key})
        for document in ({"key": key}, {**SOL, "amount": key}, {**SOL, key: 1}, key):
            http.post("/api/orders/execute", json=document, headers={"Authorization": f"Bearer {good}"})


def send_keys_to_the_socket(cloud: Cloud, good: str, others: list[str]) -> None:
    for key in (good, *others):
        for headers, protocols in (
            ({"Authorization": f"Bearer {key}"}, None),
            ({"Authorization": f"Basic {key}"}, None),
            ({}, [Subprotocol("orders.v1"), Subprotocol(f"bearer.{key}")]),
        ):
            try:
                with connect(cloud.websocket_url, additional_headers=headers, subprotocols=protocols):
                    pass
            except InvalidStatus as refused:
                assert refused.response.status_code == 401
        with Socket(cloud.websocket_url, {"Authorization": f"Bearer {good}"}) as socket:
            for message in ({"action": "ping", "key": key}, {"action": key}, {"orderId": key}, [key]):
                assert socket.ask(json.dumps(message))["type"] == "error"
            assert socket.ask(key)["code"] == "invalid_json"


_UNAVAILABLE = {"database_unavailable", "outcome_unknown"}  # the latter if the statement had been sent


def place_orders_during_an_outage(cloud: Cloud, http: httpx.Client, good: str) -> None:
    headers = {"Authorization": f"Bearer {good}"}
    with Socket(cloud.websocket_url, headers) as socket:
        with database_outage(cloud):
            for _ in range(3):
                answer = http.post("/api/orders/execute", json=SOL, headers=headers)
                assert answer.status_code == 503
                assert answer.json()["code"] in _UNAVAILABLE
                assert http.get("/health/ready", headers=headers).status_code == 503
                assert http.get("/health").status_code == 200
                assert socket.ask(json.dumps({"action": "execute", **SOL}))["code"] in _UNAVAILABLE
        order = http.post("/api/orders/execute", json=SOL, headers=headers).json()
    eventually(
        lambda: http.get(f"/api/orders/{order['orderId']}", headers=headers).json()["terminal"], "the order is executed"
    )


def logs_of(cloud: Cloud) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (cloud.directory / "logs").rglob("*") if path.is_file()}


def test_no_log_contains_a_secret(logging_cloud: Cloud) -> None:
    cloud, keys = logging_cloud, api_keys(logging_cloud)
    good, revoked, wrong = (keys.create(f"account-{uuid4()}", "test") for _ in range(3))
    assert keys.revoke(sha256(revoked.encode()).hexdigest()[:12])
    wrong = wrong[::-1]
    others = [cloud.api_key, revoked, wrong]
    with httpx.Client(base_url=cloud.http_url, timeout=30) as http:
        send_keys(http, good, others)
        send_keys_to_the_socket(cloud, good, others)
        place_orders_during_an_outage(cloud, http, good)

    logs = logs_of(cloud)
    assert b"database_unavailable" in logs[cloud.directory / "logs" / "ApiFunction.log"]  # the outage was logged
    (owner_password,) = [file.read_text() for file in (cloud.directory / "postgres").glob("*-password")]
    assert owner_password in cloud.database_url
    secrets = [text.encode() for text in (good, *others, owner_password, functions_password(cloud.database_url))]
    secrets += [b64encode(secret) for secret in secrets]
    for path, content in logs.items():
        for secret in secrets:
            assert secret not in content, path.name
        assert not (found := AUTHORIZATION.search(content)), (path.name, found)


def test_invalid_settings_are_named_without_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that cannot start logs the reason, and its environment contains the database password."""

    class Wanted(Settings):
        database_url: str
        orders_queue_url: str
        watchdog_seconds: float

    monkeypatch.setenv("DATABASE_URL", "secret")
    monkeypatch.setenv("WATCHDOG_SECONDS", "secret")
    monkeypatch.delenv("ORDERS_QUEUE_URL", raising=False)
    with pytest.raises(
        ValueError, match=r"ORDERS_QUEUE_URL is missing; WATCHDOG_SECONDS must be of type float"
    ) as error:
        Wanted.from_environment()
    assert "secret" not in str(error.value)
