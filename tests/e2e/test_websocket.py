"""The stream protocol on the running local cloud."""

import asyncio
import json
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from testing.accounts import headers_of_new_account
from testing.cloud import Cloud
from testing.orders import LIFE, SOL, finished, place
from testing.sockets import Frame, Socket, complete, complete_for, deduplicated, opened


@pytest.fixture
def socket(cloud: Cloud) -> Iterator[Socket]:
    with opened(cloud) as socket:
        yield socket


@pytest.mark.parametrize("form", ["seed", "action"])
def test_subscribing_after_the_post_delivers_every_event(socket: Socket, http: httpx.Client, form: str) -> None:
    order = place(http)
    socket.send({"orderId": order["orderId"], **({"action": "subscribe"} if form == "action" else {})})
    events = deduplicated(socket.events_until(complete))
    assert [event["status"] for event in events] == LIFE
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5]
    assert ("route" in events[1], "route" in events[2]) == (False, True)
    assert ("txHash" in events[2], "txHash" in events[3]) == (False, True)
    assert {"amountOut", "executedPrice"} <= events[4].keys()


def test_a_snapshot_has_the_state_and_the_events_after_a_sequence_number(socket: Socket, http: httpx.Client) -> None:
    order = place(http)
    finished(http, order["orderId"])
    snapshot = socket.ask({"action": "subscribe", "orderId": order["orderId"], "afterSequence": 3, "requestId": "r1"})
    assert (snapshot["type"], snapshot["requestId"]) == ("snapshot", "r1")
    assert (snapshot["status"], snapshot["sequence"]) == ("confirmed", 5)
    assert [event["sequence"] for event in snapshot["events"]] == [4, 5]


def test_the_account_channel_delivers_the_events_of_every_order(cloud: Cloud) -> None:
    headers = headers_of_new_account(cloud, f"dora-{uuid4()}")
    with httpx.Client(base_url=cloud.http_url, headers=headers) as dora, opened(cloud, headers) as socket:
        assert socket.ask({"action": "subscribe", "channel": "account"}) == {"type": "subscribed", "channel": "account"}
        placed = {place(dora)["orderId"] for _ in range(10)}
        frames: list[Frame] = []
        by_order: dict[str, list[Frame]] = {order_id: [] for order_id in placed}
        while not all(complete(events) for events in by_order.values()):
            frames.append(socket.receive())
            assert frames[-1]["type"] == "events"
            for event in frames[-1]["events"]:
                by_order[event["orderId"]].append(event)
        for events in by_order.values():
            assert [event["status"] for event in deduplicated(events)] == LIFE
        assert len(frames) < 50  # ten orders with five events each


def test_after_unsubscribing_no_events_are_pushed(cloud: Cloud, http: httpx.Client) -> None:
    headers = headers_of_new_account(cloud, f"emil-{uuid4()}")
    with (
        httpx.Client(base_url=cloud.http_url, headers=headers) as emil,
        opened(cloud, headers) as socket,
        opened(cloud, headers) as witness,
    ):
        for each in (socket, witness):
            each.ask({"action": "subscribe", "channel": "account"})
        assert socket.ask({"action": "unsubscribe", "channel": "account"}) == {
            "type": "unsubscribed",
            "channel": "account",
        }
        witness.events_until(complete_for(place(emil)["orderId"]))
        assert socket.ask({"action": "ping"}) == {"type": "pong"}
        order_id = place(emil)["orderId"]
        answer = socket.ask({"action": "unsubscribe", "orderId": order_id})
        assert answer == {"type": "unsubscribed", "orderId": order_id}


def test_an_order_placed_on_the_socket_is_streamed_there(socket: Socket) -> None:
    key = str(uuid4())
    socket.send({"action": "execute", **SOL, "clientOrderId": key, "requestId": "r2"})
    frames = [socket.receive()]
    while frames[-1]["type"] != "snapshot":
        frames.append(socket.receive())
    snapshot = frames[-1]
    assert (snapshot["requestId"], snapshot["clientOrderId"], snapshot["replayed"]) == ("r2", key, False)
    events = [event for frame in frames for event in frame.get("events", [frame])]
    if not complete(events):
        events += socket.events_until(lambda more: complete(events + more))
    assert [event["status"] for event in deduplicated(events)] == LIFE
    again = socket.ask({"action": "execute", **SOL, "clientOrderId": key})
    assert (again["orderId"], again["replayed"]) == (snapshot["orderId"], True)


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        ("not json", "invalid_json", None),
        ("", "invalid_json", None),
        ('{"action": NaN}', "invalid_json", None),
        ([1, 2], "validation_failed", ""),
        ("null", "validation_failed", ""),
        ({}, "validation_failed", "action"),
        ({"channel": "account"}, "validation_failed", "action"),
        ({"action": "fly"}, "validation_failed", "action"),
        ({"action": 7}, "validation_failed", "action"),
        ({"action": ["ping"]}, "validation_failed", "action"),
        ({"action": "subscribe"}, "validation_failed", "orderId"),
        ({"action": "subscribe", "channel": "everything"}, "validation_failed", "channel"),
        ({"orderId": "not-a-uuid"}, "validation_failed", "orderId"),
        ({"orderId": str(uuid4()), "afterSequence": -1}, "validation_failed", "afterSequence"),
        ({"orderId": str(uuid4()), "more": 1}, "validation_failed", "more"),
        ({"orderId": str(uuid4())}, "order_not_found", None),
        ({"action": "execute", **SOL, "amount": 0}, "validation_failed", "amount"),
        ({"action": "execute", "amount": 1}, "validation_failed", "tokenIn"),
    ],
)
def test_invalid_messages_get_an_error_and_the_connection_stays_open(
    socket: Socket, message: object, code: str, field: str | None
) -> None:
    answer = socket.ask(message)
    assert (answer["type"], answer["code"]) == ("error", code)
    assert answer["message"]
    if field is not None:
        assert answer["errors"][0]["field"] == field
    assert socket.ask({"action": "ping", "requestId": "still here"}) == {"type": "pong", "requestId": "still here"}


def test_an_error_has_the_request_id(socket: Socket) -> None:
    assert socket.ask({"action": "fly", "requestId": "r9"})["requestId"] == "r9"


def test_a_frame_of_200_kb_closes_the_socket_as_api_gateway_does(socket: Socket) -> None:
    socket.send({"action": "ping", "requestId": "x" * 200_000})
    with pytest.raises(ConnectionClosed) as closed:
        socket.receive()
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "wrong"}])
def test_a_handshake_requires_a_valid_key(cloud: Cloud, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(cloud.websocket_url, additional_headers=headers):
        pass
    assert refused.value.response.status_code == 401


def test_browsers_send_the_key_as_a_subprotocol(cloud: Cloud) -> None:
    protocols = [Subprotocol("orders.v1"), Subprotocol(f"bearer.{cloud.api_key}")]
    with connect(cloud.websocket_url, subprotocols=protocols) as connection:
        assert connection.subprotocol == "orders.v1"
        assert Socket(connection).ask({"action": "ping"}) == {"type": "pong"}
    with pytest.raises(InvalidStatus):
        connect(cloud.websocket_url, subprotocols=[Subprotocol("orders.v1"), Subprotocol("bearer.wrong")])


def test_an_account_cannot_subscribe_to_the_orders_of_another(cloud: Cloud, http: httpx.Client) -> None:
    with opened(cloud, headers_of_new_account(cloud, f"frank-{uuid4()}")) as frank, opened(cloud) as witness:
        frank.ask({"action": "subscribe", "channel": "account"})
        order_id = place(http)["orderId"]
        foreign = frank.ask({"orderId": order_id})
        unknown = frank.ask({"orderId": str(uuid4())})
        assert foreign == unknown == {**foreign, "type": "error", "code": "order_not_found"}
        witness.send({"orderId": order_id})
        witness.events_until(complete)
        assert frank.ask({"action": "ping"}) == {"type": "pong"}


def test_a_slow_connection_does_not_delay_others(cloud: Cloud, http: httpx.Client) -> None:
    with opened(cloud) as slow, opened(cloud) as socket:
        for each in (slow, socket):
            each.ask({"action": "subscribe", "channel": "account"})
        order_id = place(http)["orderId"]
        events = socket.events_until(complete_for(order_id))
        assert [event["status"] for event in deduplicated([e for e in events if e["orderId"] == order_id])] == LIFE


def test_many_clients_that_subscribe_right_after_their_post_get_every_event(cloud: Cloud) -> None:
    async def one(http: httpx.AsyncClient) -> list[str]:
        async with connect_async(cloud.websocket_url, additional_headers=cloud.headers) as connection:
            order = (await http.post("/api/orders/execute", json=SOL)).json()
            await connection.send(json.dumps({"orderId": order["orderId"]}))
            events: list[Frame] = []
            while not complete(events):
                frame = json.loads(await asyncio.wait_for(connection.recv(), 60))
                events += frame.get("events", [frame])
            return [event["status"] for event in deduplicated(events)]

    async def all_clients() -> list[list[str]]:
        async with httpx.AsyncClient(base_url=cloud.http_url, headers=cloud.headers, timeout=60) as http:
            return await asyncio.gather(*(one(http) for _ in range(100)))

    assert asyncio.run(all_clients()) == [LIFE] * 100
