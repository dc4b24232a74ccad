"""The WebSocket API over the wire: handshake, routes, route responses, @connections."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from running import Aws, RunningCloud, until

OpenSocket = Callable[..., ClientConnection]


@pytest.fixture
def open_socket(cloud: RunningCloud) -> Iterator[OpenSocket]:
    with ExitStack() as stack:

        def open_one(**options: Any) -> ClientConnection:
            options.setdefault("additional_headers", {"Authorization": "good"})
            socket: ClientConnection = stack.enter_context(connect(cloud.endpoints["webSocketUrl"], **options))
            return socket

        yield open_one


def ask(socket: ClientConnection, message: object) -> str:
    socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
    return str(socket.recv(timeout=10))


def connection_id(socket: ClientConnection) -> str:
    return str(json.loads(ask(socket, {"who": "am I"}))["requestContext"]["connectionId"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "bad"}, 401),
        ({"Authorization": "deny"}, 403),
        ({"Authorization": "broken"}, 500),
        ({"Authorization": "good", "X-Refuse": "409"}, 409),
    ],
)
def test_a_rejected_handshake_has_the_authorizers_or_functions_status(
    open_socket: OpenSocket, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_socket(additional_headers=headers)
    assert refused.value.response.status_code == status


def test_the_subprotocol_is_chosen_by_the_function(open_socket: OpenSocket) -> None:
    socket = open_socket(additional_headers={}, subprotocols=["orders.v1", "bearer.good"])
    assert socket.subprotocol == "orders.v1"


def test_a_route_response_answers_a_message(open_socket: OpenSocket) -> None:
    event = json.loads(ask(open_socket(), "hello"))
    context = event["requestContext"]
    assert (event["body"], event["isBase64Encoded"]) == ("hello", False)
    assert (context["routeKey"], context["eventType"], context["stage"]) == ("$default", "MESSAGE", "live")
    assert context["authorizer"] == {"principalId": "demo", "account": "demo", "number": "7"}
    assert context["connectionId"].endswith("=")
    assert context["messageId"]


def test_binary_messages_are_passed_in_base64(open_socket: OpenSocket) -> None:
    event = json.loads(ask(open_socket(), b"\x00\xff"))
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)


def test_a_route_without_a_route_response_sends_nothing(open_socket: OpenSocket) -> None:
    socket = open_socket()
    socket.send('{"action": "silent"}')
    assert json.loads(ask(socket, '{"action": "other"}'))["body"] == '{"action": "other"}'


def test_a_failing_function_is_answered_as_api_gateway_does(open_socket: OpenSocket) -> None:
    socket = open_socket()
    answer = json.loads(ask(socket, {"raise": "boom"}))
    assert answer["message"] == "Internal server error"
    assert set(answer) == {"message", "connectionId", "requestId"}
    assert "boom" in ask(socket, "boom")


def test_functions_push_to_other_connections(open_socket: OpenSocket) -> None:
    sender, receiver = open_socket(), open_socket()
    assert ask(sender, {"push": "news", "to": connection_id(receiver)}) == "pushed"
    assert receiver.recv(timeout=5) == "news"
    assert ask(sender, {"push": "news", "to": "bm9ib2R5IGhlcmU="}) == "GoneException"


def test_connections_can_be_read_posted_to_and_deleted(cloud: RunningCloud, aws: Aws, open_socket: OpenSocket) -> None:
    client = aws("apigatewaymanagementapi", f"{cloud.url}/_aws/websocket/live")
    socket = open_socket()
    identity = connection_id(socket)
    assert client.get_connection(ConnectionId=identity)["Identity"]["SourceIp"] == "127.0.0.1"
    with pytest.raises(ClientError, match="PayloadTooLarge"):
        client.post_to_connection(ConnectionId=identity, Data=b"x" * (128 * 1024 + 1))
    client.delete_connection(ConnectionId=identity)
    with pytest.raises(ConnectionClosed):
        socket.recv(timeout=5)
    with pytest.raises(client.exceptions.GoneException):
        client.post_to_connection(ConnectionId=identity, Data=b"x")


def test_a_message_over_the_limit_closes_the_connection(open_socket: OpenSocket) -> None:
    socket = open_socket()
    with pytest.raises(ConnectionClosed) as closed:
        ask(socket, "x" * (128 * 1024 + 1))
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_a_disconnect_invokes_the_function(database: psycopg.Connection, open_socket: OpenSocket) -> None:
    socket = open_socket()
    identity = connection_id(socket)
    socket.close()
    query = "SELECT count(*) FROM seen WHERE kind = 'disconnect' AND body = %s"

    def notified() -> int:
        row = database.execute(query, (identity,)).fetchone()
        assert row
        return int(row[0])

    assert until(notified) == 1
