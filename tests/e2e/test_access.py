"""Access control: misplaced and malformed keys, and the separation of accounts.

The simplest cases (a missing, empty or wrong key) are in tests/e2e.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from order_engine.adapters.api_keys import ApiKeys
from order_engine.adapters.postgres.database import Database, Parameters, statement_named
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.postgres.triggers import TriggerStore
from order_engine.contracts.openapi import openapi_document
from order_engine.domain.errors import OrderNotFound
from order_engine.use_cases.subscribe import subscribe_to_order
from order_engine.use_cases.wake import Waker
from testing.cloud import Cloud
from testing.engine import WATCHDOG, Recorder, WakeUps, new_order, placed, submitter_of
from tests.e2e.frames import Socket

pytestmark = pytest.mark.security

SOL = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": 1}
UNKNOWN = "0190a0a0-0000-7000-8000-000000000000"

Headers = list[tuple[str, str | bytes]]


def private_routes() -> list[tuple[str, str]]:
    """Every route that is not public according to the OpenAPI document, with valid parameters."""
    return [
        (
            method.upper(),
            path.replace("{orderId}", UNKNOWN).replace("quotes", "quotes?tokenIn=SOL&tokenOut=USDC&amount=1"),
        )
        for path, methods in openapi_document()["paths"].items()
        for method, operation in methods.items()
        if operation.get("security") != []
    ]


PRIVATE = private_routes()


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


# Ways to send a key that must be rejected: it is valid only in `Authorization: Bearer KEY`.
MISPLACED: dict[str, Callable[[str], Headers]] = {
    "no scheme": lambda key: [("Authorization", key)],
    "another scheme": lambda key: [("Authorization", f"Token {key}")],
    "the scheme twice": lambda key: [("Authorization", f"Bearer Bearer {key}")],
    "no space": lambda key: [("Authorization", f"Bearer{key}")],
    "a tab": lambda key: [("Authorization", f"Bearer\t{key}")],
    "quotes": lambda key: [("Authorization", f'Bearer "{key}"')],
    "Basic, as the user": lambda key: [("Authorization", basic(f"{key}:"))],
    "Basic, as the password": lambda key: [("Authorization", basic(f"user:{key}"))],
    "another header": lambda key: [("X-Api-Key", key), ("Authorization", "Bearer")],
    "a forwarded header": lambda key: [("X-Forwarded-Authorization", f"Bearer {key}"), ("Proxy-Authorization", key)],
    "a cookie": lambda key: [("Cookie", f"Authorization=Bearer {key}; key={key}; session={key}")],
    "a cookie next to a wrong key": lambda key: [
        ("Cookie", f"Authorization=Bearer {key}"),
        ("Authorization", "Bearer x"),
    ],
    "a comma": lambda key: [("Authorization", f"Bearer x,Bearer {key}")],
    "two headers": lambda key: [("Authorization", f"Bearer {key}"), ("Authorization", "Bearer x")],
    "two headers, the wrong one first": lambda key: [("Authorization", "Bearer x"), ("Authorization", f"Bearer {key}")],
    "one character missing": lambda key: [("Authorization", f"Bearer {key[:-1]}")],
    "one character too many": lambda key: [("Authorization", f"Bearer {key}x")],
    "upper case": lambda key: [("Authorization", f"Bearer {key.upper()}")],
    "its hash": lambda key: [("Authorization", f"Bearer {sha256(key.encode()).hexdigest()}")],
    "bytes that are not text": lambda key: [("Authorization", b"Bearer \xff\xfe" + key.encode())],
    "letters that are not ASCII": lambda key: [("Authorization", f"Bearer é{key}".encode())],
    "a wildcard": lambda key: [("Authorization", "Bearer *")],
    "SQL": lambda key: [("Authorization", "Bearer ' OR '1'='1")],
}


@pytest.fixture
def key(new_key: Callable[[], str]) -> str:
    """A key of a new account."""
    return new_key()


def count_orders(cloud: Cloud) -> int:
    with psycopg.connect(cloud.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM orders").fetchone()
    assert row
    return int(row[0])


def call(anonymous: httpx.Client, method: str, path: str, headers: Headers) -> httpx.Response:
    content = json.dumps(SOL) if method == "POST" else None
    raw = [(name.encode(), value.encode() if isinstance(value, str) else value) for name, value in headers]
    return anonymous.request(method, path, headers=[*raw, (b"Content-Type", b"application/json")], content=content)


def handshake(cloud: Cloud, headers: Headers, query: str = "", *protocols: str) -> int:
    """The status of a handshake: 101 when it succeeds."""
    # The same bytes, because the client encodes header values as Latin-1.
    plain = [(name, value if isinstance(value, str) else value.decode("latin-1")) for name, value in headers]
    offered = [Subprotocol(protocol) for protocol in protocols] or None
    try:
        with connect(cloud.websocket_url + query, additional_headers=plain, subprotocols=offered):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def assert_unauthenticated(answer: httpx.Response) -> None:
    assert answer.status_code == 401, answer.text
    if answer.headers["Content-Type"] != "application/problem+json":  # from API Gateway: no Authorization header
        assert answer.json() == {"message": "Unauthorized"}
    else:
        assert answer.json()["code"] == "unauthenticated"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("shape", MISPLACED.values(), ids=MISPLACED)
def test_a_key_is_valid_only_as_a_bearer_token(
    cloud: Cloud, anonymous: httpx.Client, key: str, shape: Callable[[str], Headers]
) -> None:
    before = count_orders(cloud)
    for method, path in PRIVATE:
        assert_unauthenticated(call(anonymous, method, path, shape(key)))
    assert count_orders(cloud) == before


@pytest.mark.parametrize("name", ["key", "apiKey", "access_token", "Authorization", "authorization"])
def test_a_key_in_the_query_or_the_body_is_ignored(cloud: Cloud, anonymous: httpx.Client, key: str, name: str) -> None:
    for method, path in PRIVATE:
        separator = "&" if "?" in path else "?"
        assert_unauthenticated(call(anonymous, method, f"{path}{separator}{name}=Bearer%20{key}", []))
        assert_unauthenticated(
            call(anonymous, method, f"{path}{separator}{name}={key}", [("Authorization", "Bearer x")])
        )
    for content in (json.dumps({**SOL, name: key}), f"{name}={key}", f"{name}=Bearer {key}"):
        assert_unauthenticated(anonymous.post("/api/orders/execute", content=content))
    assert handshake(cloud, [], f"?{name}={key}") == 401


# If a handshake has two headers, API Gateway passes on only the last one, which is then checked.
@pytest.mark.parametrize("shape", [name for name in MISPLACED if not name.startswith("two headers")])
def test_a_handshake_accepts_a_key_only_as_a_bearer_token(cloud: Cloud, key: str, shape: str) -> None:
    assert handshake(cloud, MISPLACED[shape](key)) == 401


@pytest.mark.parametrize(
    "protocol", ["bearer.", "bearer.wrong", "bearer. {}", "Bearer.{}", "bearer-{}", "{}", "bearer.bearer.{}"]
)
def test_a_subprotocol_with_a_key_must_have_the_exact_form(cloud: Cloud, key: str, protocol: str) -> None:
    assert handshake(cloud, [("Sec-WebSocket-Protocol", f"orders.v1, {protocol.format(key)}")]) == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_case_insensitive(cloud: Cloud, anonymous: httpx.Client, key: str, scheme: str) -> None:
    headers: Headers = [("Authorization", f"{scheme} {key}")]
    statuses = [call(anonymous, method, path, headers).status_code for method, path in PRIVATE]
    assert not {401, 403, 500} & set(statuses)
    assert handshake(cloud, headers) == 101


def test_a_revoked_key_is_rejected(cloud: Cloud, anonymous: httpx.Client, keys: ApiKeys, key: str) -> None:
    assert keys.revoke(sha256(key.encode()).hexdigest()[:12])
    for method, path in PRIVATE:
        assert_unauthenticated(call(anonymous, method, path, [("Authorization", f"Bearer {key}")]))
    assert handshake(cloud, [("Authorization", f"Bearer {key}")]) == 401
    assert handshake(cloud, [], "", "orders.v1", f"bearer.{key}") == 401


def test_a_key_revoked_after_use_is_rejected_by_the_next_handshake(
    cloud: Cloud, anonymous: httpx.Client, keys: ApiKeys, key: str
) -> None:
    headers: Headers = [("Authorization", f"Bearer {key}")]
    assert call(anonymous, "GET", "/api/orders", headers).status_code == 200  # cached by the gateway for HTTP
    assert handshake(cloud, headers) == 101
    assert keys.revoke(sha256(key.encode()).hexdigest()[:12])
    assert handshake(cloud, headers) == 401


def test_what_the_gateway_caches_depends_on_the_authorization_header_only(anonymous: httpx.Client, key: str) -> None:
    """A key read from another header would be cached for every client that sends the same Authorization header."""
    named = f"Basic {uuid4()}"
    with_protocol: Headers = [("Authorization", named), ("Sec-WebSocket-Protocol", f"orders.v1, bearer.{key}")]
    assert_unauthenticated(call(anonymous, "GET", "/api/orders", with_protocol))
    assert_unauthenticated(call(anonymous, "GET", "/api/orders", [("Authorization", named)]))


# ---- Two accounts


@pytest.fixture
def alice(new_key: Callable[[], str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {new_key()}"}


@pytest.fixture
def bob(new_key: Callable[[], str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {new_key()}"}


def place(anonymous: httpx.Client, headers: dict[str, str], **changes: Any) -> httpx.Response:
    return anonymous.post("/api/orders/execute", json={**SOL, **changes}, headers=headers)


def seen(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    """Everything that a client sees of a response, except its time and id."""
    differ = ("date", "apigw-requestid")
    return answer.status_code, answer.text, sorted((n, v) for n, v in answer.headers.items() if n not in differ)


def test_a_foreign_id_gets_the_same_response_as_an_unknown_id(
    anonymous: httpx.Client, alice: dict[str, str], bob: dict[str, str]
) -> None:
    foreign = place(anonymous, alice).json()["orderId"]
    answers = [seen(anonymous.get(f"/api/orders/{order_id}", headers=bob)) for order_id in (foreign, uuid4())]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_a_foreign_cursor_gets_the_same_response_as_an_invalid_cursor(
    anonymous: httpx.Client, alice: dict[str, str], bob: dict[str, str]
) -> None:
    for _ in range(2):
        place(anonymous, alice)
    url = "/api/orders"
    cursor = anonymous.get(url, params={"limit": 1}, headers=alice).json()["nextCursor"]
    assert anonymous.get(url, params={"cursor": cursor}, headers=alice).status_code == 200
    answers = [seen(anonymous.get(url, params={"cursor": text}, headers=bob)) for text in (cursor, cursor[::-1])]
    assert answers[0] == answers[1]
    assert answers[0][0] == 422


@pytest.mark.parametrize("changes", [{}, {"amount": 2}], ids=["the same order", "another order"])
@pytest.mark.parametrize("way", ["header", "field"])
def test_a_foreign_idempotency_key_gets_the_same_response_as_a_new_one(
    anonymous: httpx.Client, alice: dict[str, str], bob: dict[str, str], changes: dict[str, Any], way: str
) -> None:
    def as_bob(key: str) -> httpx.Response:
        if way == "header":
            return place(anonymous, {**bob, "Idempotency-Key": key}, **changes)
        return place(anonymous, bob, **changes, clientOrderId=key)

    taken = str(uuid4())
    assert place(anonymous, alice, clientOrderId=taken).status_code == 202
    answers = [as_bob(key) for key in (taken, str(uuid4()))]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json().keys() == answers[1].json().keys()
    assert answers[0].headers.keys() == answers[1].headers.keys()
    assert len(answers[0].content) == len(answers[1].content)


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"action": "subscribe"},
        {"action": "subscribe", "afterSequence": 3, "requestId": "r"},
        {"action": "unsubscribe"},
    ],
)
def test_a_foreign_id_gets_the_same_frame_as_an_unknown_id(
    cloud: Cloud, anonymous: httpx.Client, alice: dict[str, str], bob: dict[str, str], message: dict[str, Any]
) -> None:
    foreign, unknown = place(anonymous, alice).json()["orderId"], str(uuid4())
    with Socket(cloud.websocket_url, bob) as socket:
        answers = [
            json.dumps(socket.ask(json.dumps({**message, "orderId": order_id}))).replace(order_id, "")
            for order_id in (foreign, unknown)
        ]
    assert answers[0] == answers[1]


def test_a_foreign_idempotency_key_on_the_socket_places_a_new_order(
    cloud: Cloud, anonymous: httpx.Client, alice: dict[str, str], bob: dict[str, str]
) -> None:
    taken = str(uuid4())
    assert place(anonymous, alice, clientOrderId=taken).status_code == 202
    with Socket(cloud.websocket_url, bob) as socket:
        answers = [
            socket.ask(json.dumps({"action": "execute", **SOL, "amount": 2, "clientOrderId": key}))
            for key in (taken, str(uuid4()))
        ]
    assert [(answer["type"], answer["replayed"], answer["amount"]) for answer in answers] == [
        ("snapshot", False, "2")
    ] * 2


def test_unsubscribing_from_a_foreign_order_does_not_affect_its_account(
    cloud: Cloud, anonymous: httpx.Client, alice: dict[str, str], bob: dict[str, str]
) -> None:
    with (
        connect(cloud.websocket_url, additional_headers=alice) as listener,
        connect(cloud.websocket_url, additional_headers=bob) as other,
    ):
        listener.send('{"action":"subscribe","channel":"account"}')
        assert json.loads(listener.recv(timeout=20))["type"] == "subscribed"
        other.send('{"action":"unsubscribe","channel":"account"}')
        assert json.loads(other.recv(timeout=20))["type"] == "unsubscribed"
        order_id = place(anonymous, alice).json()["orderId"]
        other.send(json.dumps({"action": "unsubscribe", "orderId": order_id}))
        assert json.loads(other.recv(timeout=20))["type"] == "unsubscribed"
        last: dict[str, Any] = {"terminal": False}
        while not last["terminal"]:
            last = json.loads(listener.recv(timeout=20))["events"][-1]
        assert last["orderId"] == order_id


# ---- Equal work, measured by counting calls instead of by time


class CountingDatabase(Database):
    """Records the names of executed statements."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.statements: list[str] = []

    async def fetch(
        self, statement: str, parameters: Parameters | None = None, *, prepare: bool = False
    ) -> list[dict[str, Any]]:
        self.statements.append(statement)
        return await super().fetch(statement, parameters, prepare=prepare)


class CountingConnections:
    """A fake connections table that records its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def add(self, topic: str, connection_id: str) -> None:
        self.calls.append("add")

    def remove(self, topic: str, connection_id: str) -> None:
        self.calls.append("remove")

    def listening_to(self, topics: Sequence[str]) -> dict[str, set[str]]:
        self.calls.append("listening_to")
        return {}


def test_a_foreign_id_or_key_causes_the_same_work_as_an_unknown_one(database_url: str) -> None:
    async def scenario(database: CountingDatabase) -> None:
        orders, queue = OrderStore(database), Recorder()
        submitter = submitter_of(
            orders,
            queue,
            Journal(database, queue, watchdog=WATCHDOG),
            Waker(TriggerStore(database), WakeUps()),
        )
        foreign = (await submitter.submit(new_order(account="alice", client_order_id="taken"))).order

        async def work_of_reading(order_id: UUID) -> list[str]:
            database.statements.clear()
            assert await orders.get("bob", order_id) is None
            return database.statements.copy()

        async def work_of_subscribing(order_id: UUID) -> list[str]:
            database.statements.clear()
            connections = CountingConnections()
            with pytest.raises(OrderNotFound):
                await subscribe_to_order("connection", "bob", order_id, connections, orders)
            return database.statements + connections.calls

        async def work_of_placing(key: str) -> list[str]:
            database.statements.clear()
            submission = await submitter.submit(new_order(account="bob", client_order_id=key))
            assert not submission.replayed
            return database.statements.copy()

        assert await work_of_reading(foreign.id) == await work_of_reading(uuid4()) == ["orders.get"]
        assert (
            await work_of_subscribing(foreign.id)
            == await work_of_subscribing(uuid4())
            == ["orders.get", "add", "remove"]
        )
        assert await work_of_placing("taken") == await work_of_placing("free") == ["orders.place"]

    async def run() -> None:
        database = CountingDatabase(database_url)
        try:
            await scenario(database)
        finally:
            await database.close()

    asyncio.run(run())


def test_postgres_executes_the_same_plan_for_a_foreign_id_as_for_an_unknown_one(database_url: str) -> None:
    def visited(node: dict[str, Any]) -> list[tuple[str, int, int]]:
        children = [step for child in node.get("Plans", []) for step in visited(child)]
        return [(node["Node Type"], node["Actual Loops"], node["Actual Rows"]), *children]

    def plan(order_id: UUID) -> list[tuple[str, int, int]]:
        statement = "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, FORMAT JSON) " + statement_named("orders.get")
        row = connection.execute(statement, {"account": "bob", "id": order_id, "most": 300}).fetchone()
        assert row
        return visited(row[0][0]["Plan"])

    foreign = asyncio.run(_placed(database_url, "alice"))
    with psycopg.connect(database_url) as connection:
        assert plan(foreign) == plan(uuid4())
        # Events are read only if the order belongs to the account.
        assert {loops for _, loops, _ in plan(foreign)[1:]} <= {0, 1}
        assert all(rows == 0 for _, _, rows in plan(foreign))


async def _placed(url: str, account: str) -> UUID:
    database = Database(url)
    try:
        order = await placed(OrderStore(database), new_order(account=account))
        return order.id
    finally:
        await database.close()
