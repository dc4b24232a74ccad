"""Unauthenticated requests need no database connection, and the front doors cannot use up the worker's connections."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.postgres.roles import FRONT_DOOR
from order_engine.contracts.openapi import openapi_document
from order_engine.domain.orders import Order
from testing.cloud import QUICK, Cloud, running_cloud
from testing.engine import new_order, placed
from testing.orders import SOL, finished, place
from testing.polling import eventually
from testing.postgres import url_of

pytestmark = pytest.mark.reliability

AT_ONCE = 200
PUBLIC = [
    path.replace("{file}", "main.js")
    for path, item in openapi_document()["paths"].items()
    if item.get("get", {}).get("security") == []
]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running local cloud whose front doors no other test uses."""
    with running_cloud(tmp_path_factory.mktemp("cloud"), **QUICK) as cloud:
        yield cloud


def status_of(cloud: Cloud, order: Order) -> str:
    with psycopg.connect(cloud.database_url) as owner:
        row = owner.execute("SELECT status FROM orders WHERE id = %s", (order.id,)).fetchone()
    assert row
    return str(row[0])


def place_in_the_database(cloud: Cloud) -> Order:
    """Place an order directly in the database; the sweeper sends it to the worker."""

    async def place() -> Order:
        database = Database(cloud.database_url)
        try:
            return await placed(OrderStore(database), new_order(), watchdog=timedelta())
        finally:
            await database.close()

    return asyncio.run(place())


@contextmanager
def all_front_door_connections_in_use(cloud: Cloud) -> Iterator[int]:
    """Hold as many connections as the role may have, as frozen environments would; yields their number."""
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
    with psycopg.connect(cloud.database_url, autocommit=True) as owner, ExitStack() as held:
        eventually(lambda: not owner.execute(ended, (FRONT_DOOR,)).fetchall(), "the front doors have no connection")
        count = 0
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            while True:
                held.enter_context(psycopg.connect(url_of(FRONT_DOOR, cloud.database_url)))
                count += 1
        yield count


async def concurrently(requests: list[Coroutine[Any, Any, int]]) -> set[int]:
    """Run the requests concurrently; returns the set of their statuses."""
    return set(await asyncio.gather(*requests))


async def flood(cloud: Cloud) -> dict[str, set[int]]:
    """200 concurrent requests to each public route and, with wrong keys, to a private one, and 200 without a key
    to the WebSocket API; returns the statuses of each group.
    """

    async def get(path: str, **headers: str) -> int:
        async with http.stream("GET", path, headers=headers) as answer:
            async for _ in answer.aiter_raw():  # decompressing the docs would be most of the test's work
                pass
        return answer.status_code

    async def handshake() -> int:
        try:
            async with connect(cloud.websocket_url):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    unlimited = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=cloud.http_url, limits=unlimited, timeout=60) as http:
        seen = {path: await concurrently([get(path) for _ in range(AT_ONCE)]) for path in PUBLIC}
        wrong = [get("/health/ready", Authorization=f"Bearer wrong-{number}") for number in range(AT_ONCE)]
        return {
            **seen,
            "with a wrong key": await concurrently(wrong),
            "handshake": await concurrently([handshake() for _ in range(AT_ONCE)]),
        }


EXPECTED = {**{path: {200} for path in PUBLIC}, "with a wrong key": {401}, "handshake": {401}}


def test_without_front_door_connections_unauthenticated_requests_and_the_worker_still_work(
    cloud: Cloud, http: httpx.Client
) -> None:
    with all_front_door_connections_in_use(cloud) as count:
        assert count >= 10
        for answer in (http.get("/health/ready"), http.post("/api/orders/execute", json=SOL)):
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        order = place_in_the_database(cloud)
        assert asyncio.run(flood(cloud)) == EXPECTED
        eventually(lambda: status_of(cloud, order) == "confirmed", "the worker has executed the order")
    eventually(lambda: http.get("/health/ready").status_code == 200, "the front doors have connections again")
    assert finished(http, place(http)["orderId"])["status"] == "confirmed"


def test_orders_are_executed_during_a_flood_of_unauthenticated_requests(cloud: Cloud, http: httpx.Client) -> None:
    async def place_meanwhile() -> tuple[dict[str, set[int]], list[str]]:
        flooding = asyncio.create_task(flood(cloud))
        placed = []
        while not flooding.done():
            placed.append((await asyncio.to_thread(place, http))["orderId"])
        return await flooding, placed

    answers, placed = asyncio.run(place_meanwhile())
    assert answers == EXPECTED
    assert {finished(http, order_id)["status"] for order_id in placed} == {"confirmed"}
