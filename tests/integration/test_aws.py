"""The adapters of SQS, DynamoDB and @connections."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import boto3
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

from order_engine.adapters.api_keys import ApiKeys
from order_engine.adapters.aws import PATIENCE
from order_engine.adapters.connections import Connections, dynamodb_client
from order_engine.adapters.sqs import OrdersQueue, StatusQueue, order_id_in, order_ids_in, sqs_client
from order_engine.contracts.status_messages import unpack
from order_engine.domain.errors import ConnectionsUnavailable, QueueUnavailable
from order_engine.domain.facts import Facts
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import OrderEvent

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield


@pytest.fixture
def sqs() -> Any:
    return sqs_client()


@pytest.fixture
def table() -> str:
    dynamodb_client().create_table(
        TableName="connections",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    return "connections"


def an_event(number: int, padding: str = "") -> OrderEvent:
    facts = Facts(signature=padding or None)
    return OrderEvent(uuid4(), "alice", number, Status.ROUTING, 1, datetime.now(UTC), facts)


def test_order_ids_travel_through_the_queue(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    queue, ids = OrdersQueue(url, sqs), [uuid4() for _ in range(25)]
    asyncio.run(queue.send(ids[0]))
    asyncio.run(queue.send_all(ids[1:]))
    seen = set()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        seen |= {order_id_in(message["Body"]) for message in messages}
    assert seen == set(ids)


def test_a_hidden_message_comes_back(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    queue = OrdersQueue(url, sqs)
    asyncio.run(queue.send(uuid4()))
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    asyncio.run(queue.hide([message["ReceiptHandle"]], 0))
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def test_more_messages_are_hidden_than_a_request_takes_whatever_fails_among_them(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    queue = OrdersQueue(url, sqs)
    asyncio.run(queue.send_all([uuid4() for _ in range(25)]))
    receipts: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        receipts += [message["ReceiptHandle"] for message in messages]
    with pytest.raises(QueueUnavailable):
        asyncio.run(queue.hide(["no receipt", *receipts], 0))
    back = [len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])) for _ in range(3)]
    assert sum(back) == 25


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "5", '{"orderId": 5}', '{"orderId": "x"}', '{"orderId": null}', "{}", "[" * 100_000]
)
def test_a_message_about_no_order(body: str) -> None:
    assert order_id_in(body) is None
    assert order_ids_in(body) == []


def test_events_go_out_in_order_as_few_messages_of_one_group(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="status.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    queue = StatusQueue(url, sqs)
    asyncio.run(queue.publish([an_event(number) for number in range(100)]))
    asyncio.run(queue.publish([an_event(number, padding="x" * 1000) for number in range(100, 500)]))
    asyncio.run(queue.publish([]))
    sequences: list[int] = []
    groups = []
    while messages := sqs.receive_message(QueueUrl=url, AttributeNames=["All"]).get("Messages"):
        (message,) = messages
        sequences += [document["sequence"] for _, document in unpack(message["Body"])]
        groups.append(message["Attributes"]["MessageGroupId"])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert sequences == list(range(500))
    assert len(groups) == 4
    assert len(set(groups)) == 1


def test_each_execution_environment_sends_to_a_group_of_its_own(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="status.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for _ in range(3):
        asyncio.run(StatusQueue(url, sqs).publish([an_event(1)]))
    messages = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MaxNumberOfMessages=10)["Messages"]
    assert len({message["Attributes"]["MessageGroupId"] for message in messages}) == 3


def test_a_queue_that_is_away() -> None:
    client = boto3.client("sqs", endpoint_url=NOWHERE, config=PATIENCE)
    queue = OrdersQueue(f"{NOWHERE}/0/orders", client)
    with pytest.raises(QueueUnavailable):
        asyncio.run(queue.send(uuid4()))
    with pytest.raises(QueueUnavailable):
        asyncio.run(StatusQueue(f"{NOWHERE}/0/status.fifo", client).publish([an_event(1)]))


def test_of_a_batch_those_that_were_taken_are_named(sqs: Any) -> None:
    ids = [uuid4() for _ in range(25)]
    failed = {"Id": "0", "SenderFault": False, "Code": "InternalError"}
    with Stubber(sqs) as stub:
        for first in (0, 1, 0):
            taken = [{"Id": str(number), "MessageId": "m", "MD5OfMessageBody": "5"} for number in range(first, 10)]
            stub.add_response("send_message_batch", {"Successful": taken[:5], "Failed": [failed] if first else []})
        assert asyncio.run(OrdersQueue("url", sqs).send_all(ids)) == [*ids[:5], *ids[11:16], *ids[20:25]]


def test_a_queue_that_goes_away_in_the_middle_took_what_it_took(sqs: Any) -> None:
    ids = [uuid4() for _ in range(25)]
    with Stubber(sqs) as stub:
        taken = [{"Id": str(number), "MessageId": "m", "MD5OfMessageBody": "5"} for number in range(10)]
        stub.add_response("send_message_batch", {"Successful": taken, "Failed": []})
        stub.add_client_error("send_message_batch", "ServiceUnavailable")
        assert asyncio.run(OrdersQueue("url", sqs).send_all(ids)) == ids[:10]


def test_an_order_can_be_sent_with_a_delay(sqs: Any) -> None:
    order_id = uuid4()
    with Stubber(sqs) as stub:
        for delay, seconds in ((timedelta(), 0), (timedelta(seconds=1.2), 2), (timedelta(days=1), 900)):
            body = f'{{"orderId": "{order_id}"}}'
            expected = {"QueueUrl": "url", "MessageBody": body, "DelaySeconds": seconds}
            stub.add_response("send_message", {}, expected)
            asyncio.run(OrdersQueue("url", sqs).send(order_id, delay))


def test_who_listens_to_what(table: str) -> None:
    connections = Connections(table, dynamodb_client())
    connections.add("order#alice#1", "a=")
    connections.add("order#alice#1", "b=")
    connections.add("account#alice", "a=")
    topics = ["order#alice#1", "account#alice", "order#alice#2"]
    assert connections.listening_to(topics) == {"order#alice#1": {"a=", "b="}, "account#alice": {"a="}}
    connections.remove("order#alice#1", "a=")
    connections.remove("order#alice#1", "never there")
    connections.remove("no such topic", "a=")
    assert connections.listening_to(["order#alice#1"]) == {"order#alice#1": {"b="}}
    connections.remove("order#alice#1", "b=")
    assert connections.listening_to(["order#alice#1"]) == {}


def test_hundreds_of_topics_are_asked_for_in_a_few_requests(table: str) -> None:
    connections = Connections(table, dynamodb_client())
    for number in range(0, 250, 10):
        connections.add(f"order#alice#{number}", "a")
    found = connections.listening_to([f"order#alice#{number}" for number in range(250)])
    assert len(found) == 25


class PartialTable:
    """A client of DynamoDB whose answers leave out all keys but so many; the last number goes for all that follow."""

    def __init__(self, *processed: int) -> None:
        self._processed = list(processed)
        self.requests: list[Any] = []

    def batch_get_item(self, RequestItems: Any) -> Any:
        self.requests.append(RequestItems)
        ((table, wanted),) = RequestItems.items()
        number = self._processed.pop(0) if len(self._processed) > 1 else self._processed[0]
        keys = wanted["Keys"]
        items = [{**key, "connectionIds": {"SS": [f"listens to {key['pk']['S']}"]}} for key in keys[:number]]
        left_out = {table: {**wanted, "Keys": keys[number:]}} if keys[number:] else {}
        return {"Responses": {table: items}, "UnprocessedKeys": left_out}


def test_topics_that_dynamodb_leaves_out_are_asked_for_again_after_growing_pauses() -> None:
    table, pauses = PartialTable(2, 0, 0, 0, 100), list[float]()
    found = Connections("connections", cast(Any, table), pauses.append).listening_to(["a", "b", "c", "d"])
    assert found == {topic: {f"listens to {topic}"} for topic in "abcd"}
    asked = [[key["pk"]["S"] for key in request["connections"]["Keys"]] for request in table.requests]
    assert asked == [["a", "b", "c", "d"], *[["c", "d"]] * 4]
    assert all(0 <= pause < longest for pause, longest in zip(pauses, (0.05, 0.1, 0.2, 0.4), strict=True))


def test_a_look_up_that_stays_incomplete_is_given_up() -> None:
    table, pauses = PartialTable(100, 10, 0), list[float]()
    with pytest.raises(ConnectionsUnavailable):
        Connections("connections", cast(Any, table), pauses.append).listening_to([str(number) for number in range(300)])
    assert len(table.requests) == 1 + 6
    assert 0 < sum(pauses) <= 1.55


def test_a_connection_just_added_is_seen() -> None:
    table = PartialTable(1, 100)
    Connections("connections", cast(Any, table), lambda seconds: None).listening_to(["a", "b"])
    assert [request["connections"]["ConsistentRead"] for request in table.requests] == [True, True]


def test_everything_in_the_connections_table_expires(table: str) -> None:
    client = dynamodb_client()
    Connections(table, client).add("account#alice", "a")
    (item,) = client.scan(TableName=table)["Items"]
    assert int(item["expiresAt"]["N"]) > datetime.now(UTC).timestamp() + 2 * 3600


def test_a_table_that_is_away() -> None:
    connections = Connections("none", boto3.client("dynamodb", endpoint_url=NOWHERE, config=PATIENCE))
    with pytest.raises(ConnectionsUnavailable):
        connections.add("topic", "a")
    with pytest.raises(ConnectionsUnavailable):
        connections.listening_to(["topic"])


def test_a_key_opens_its_account_until_it_is_revoked() -> None:
    client = dynamodb_client()
    client.create_table(
        TableName="keys",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "keyHash", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "keyHash", "KeyType": "HASH"}],
    )
    keys = ApiKeys("keys", client)
    mine, other = keys.create("alice", "laptop"), keys.create("bob", "bot")
    assert (keys.account_of(mine), keys.account_of(other)) == ("alice", "bob")
    assert mine not in str(client.scan(TableName="keys"))
    listed = {key.account: key for key in keys.all()}
    assert listed["alice"].label == "laptop"
    assert keys.revoke(listed["alice"].id)
    assert keys.account_of(mine) is None
    assert keys.account_of(other) == "bob"
    assert {key.account: key.disabled for key in keys.all()} == {"alice": True, "bob": False}
    assert not keys.revoke("000000000000")
    for wrong in ("", "oek_wrong", mine + "x", "k" * 10_000):
        assert keys.account_of(wrong) is None


def test_a_key_just_made_is_seen() -> None:
    client = dynamodb_client()
    with Stubber(client) as stub:
        item = {"disabled": {"BOOL": False}, "account": {"S": "alice"}}
        stub.add_response("get_item", {"Item": item}, {"TableName": "keys", "Key": ANY, "ConsistentRead": True})
        assert ApiKeys("keys", client).account_of("oek_new") == "alice"


def test_the_trace_goes_along_with_an_order(sqs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda's variables make botocore send the header from which SQS goes on with the trace."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "api")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    sent: list[str] = []
    sqs.meta.events.register("before-send.sqs", lambda request, **_: sent.append(request.headers["X-Amzn-Trace-Id"]))
    queue = OrdersQueue(sqs.create_queue(QueueName="orders")["QueueUrl"], sqs)
    sent.clear()
    asyncio.run(queue.send(uuid4()))
    asyncio.run(queue.send_all([uuid4(), uuid4()]))
    assert [str(header, "ascii") if isinstance(header, bytes) else header for header in sent] == [
        "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    ] * 2
