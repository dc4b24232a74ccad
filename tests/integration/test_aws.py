"""The adapters of SQS, DynamoDB and @connections."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import boto3
import pytest

from order_engine.adapters.api_keys import ApiKeys, KeyLookup
from order_engine.adapters.aws import AwsError, JsonService, dynamodb, sqs
from order_engine.adapters.connections import Connections
from order_engine.adapters.sqs import OrdersQueue, StatusQueue, order_id_in, order_ids_in
from order_engine.contracts.status_messages import unpack
from order_engine.domain.errors import ConnectionsUnavailable, QueueUnavailable
from order_engine.domain.facts import Facts
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import OrderEvent

NOWHERE = "http://127.0.0.1:1"


pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def queues() -> JsonService:
    return sqs()


@pytest.fixture
def boto() -> Any:
    return boto3.client("sqs")


def create_table(name: str, key: str) -> Any:
    """Create a table; returns a boto3 client."""
    client = boto3.client("dynamodb")
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
    )
    return client


@pytest.fixture
def table() -> str:
    create_table("connections", "pk")
    return "connections"


class ScriptedService:
    """A service that returns the given responses in turn, or raises them, and records its requests."""

    def __init__(self, *responses: Any) -> None:
        self._responses = list(responses)
        self.requests: list[Any] = []

    def call(self, operation: str, **request: Any) -> Any:
        self.requests.append((operation, request))
        response = self._responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response


def an_event(number: int, padding: str = "") -> OrderEvent:
    facts = Facts(signature=padding or None)
    return OrderEvent(uuid4(), "alice", number, Status.ROUTING, 1, datetime.now(UTC), facts)


async def test_the_order_ids_sent_are_those_received(queues: JsonService, boto: Any) -> None:
    url = boto.create_queue(QueueName="orders")["QueueUrl"]
    queue, ids = OrdersQueue(url, queues), [uuid4() for _ in range(25)]
    await queue.send(ids[0])
    await queue.send_all(ids[1:])
    seen = set()
    while messages := boto.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        seen |= {order_id_in(message["Body"]) for message in messages}
    assert seen == set(ids)


async def test_a_message_is_visible_again_after_its_visibility_timeout_is_set_to_zero(
    queues: JsonService, boto: Any
) -> None:
    url = boto.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    queue = OrdersQueue(url, queues)
    await queue.send(uuid4())
    (message,) = boto.receive_message(QueueUrl=url)["Messages"]
    await queue.change_visibility([message["ReceiptHandle"]], 0)
    assert len(boto.receive_message(QueueUrl=url)["Messages"]) == 1


async def test_a_failed_entry_does_not_keep_other_messages_from_changing_their_visibility(
    queues: JsonService, boto: Any
) -> None:
    url = boto.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    queue = OrdersQueue(url, queues)
    await queue.send_all([uuid4() for _ in range(25)])
    receipts: list[str] = []
    while messages := boto.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        receipts += [message["ReceiptHandle"] for message in messages]
    with pytest.raises(QueueUnavailable):
        await queue.change_visibility(["invalid receipt", *receipts], 0)
    visible = [len(boto.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])) for _ in range(3)]
    assert sum(visible) == 25


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "5", '{"orderId": 5}', '{"orderId": "x"}', '{"orderId": null}', "{}", "[" * 100_000]
)
def test_messages_without_a_valid_order_id_are_detected(body: str) -> None:
    assert order_id_in(body) is None
    assert order_ids_in(body) == []


async def test_events_are_published_in_order_in_few_messages_of_one_group(queues: JsonService, boto: Any) -> None:
    url = boto.create_queue(QueueName="status.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    queue = StatusQueue(url, queues)
    await queue.publish([an_event(number) for number in range(100)])
    await queue.publish([an_event(number, padding="x" * 1000) for number in range(100, 500)])
    await queue.publish([])
    sequences: list[int] = []
    groups = []
    while messages := boto.receive_message(QueueUrl=url, AttributeNames=["All"]).get("Messages"):
        (message,) = messages
        sequences += [document["sequence"] for _, document in unpack(message["Body"])]
        groups.append(message["Attributes"]["MessageGroupId"])
        boto.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert sequences == list(range(500))
    assert len(groups) == 4
    assert len(set(groups)) == 1


async def test_each_execution_environment_has_its_own_message_group(queues: JsonService, boto: Any) -> None:
    url = boto.create_queue(QueueName="status.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for _ in range(3):
        await StatusQueue(url, queues).publish([an_event(1)])
    messages = boto.receive_message(QueueUrl=url, AttributeNames=["All"], MaxNumberOfMessages=10)["Messages"]
    assert len({message["Attributes"]["MessageGroupId"] for message in messages}) == 3


async def test_an_unavailable_queue_is_an_error() -> None:
    client = sqs(NOWHERE)
    queue = OrdersQueue(f"{NOWHERE}/0/orders", client)
    with pytest.raises(QueueUnavailable):
        await queue.send(uuid4())
    with pytest.raises(QueueUnavailable):
        await StatusQueue(f"{NOWHERE}/0/status.fifo", client).publish([an_event(1)])


async def test_sending_a_batch_returns_the_orders_that_the_queue_accepted() -> None:
    ids = [uuid4() for _ in range(25)]
    failed = {"Id": "0", "SenderFault": False, "Code": "InternalError"}
    responses = []
    for first in (0, 1, 0):
        accepted = [{"Id": str(number)} for number in range(first, 10)]
        responses.append({"Successful": accepted[:5], "Failed": [failed] if first else []})
    queue = OrdersQueue("url", cast(Any, ScriptedService(*responses)))
    assert await queue.send_all(ids) == [*ids[:5], *ids[11:16], *ids[20:25]]


async def test_orders_accepted_before_the_queue_became_unavailable_are_returned() -> None:
    ids = [uuid4() for _ in range(25)]
    unavailable = AwsError("ServiceUnavailable", 503)
    service = ScriptedService({"Successful": [{"Id": str(number)} for number in range(10)]}, unavailable, unavailable)
    assert await OrdersQueue("url", cast(Any, service)).send_all(ids) == ids[:10]


@pytest.mark.parametrize(
    ("delay", "seconds"), [(timedelta(), 0), (timedelta(seconds=1.2), 2), (timedelta(days=1), 900)]
)
async def test_orders_can_be_sent_with_a_delay(delay: timedelta, seconds: int) -> None:
    ids = [uuid4(), uuid4()]
    service = ScriptedService({}, {"Successful": [{"Id": "0"}, {"Id": "1"}]})
    queue = OrdersQueue("url", cast(Any, service))
    assert await queue.send_all(ids[:1], delay) == ids[:1]
    assert await queue.send_all(ids, delay) == ids
    messages = [{"MessageBody": f'{{"orderId": "{order_id}"}}', "DelaySeconds": seconds} for order_id in ids]
    entries = [{"Id": str(index), **message} for index, message in enumerate(messages)]
    assert service.requests == [
        ("SendMessage", {"QueueUrl": "url", **messages[0]}),
        ("SendMessageBatch", {"QueueUrl": "url", "Entries": entries}),
    ]


def test_listening_to_returns_the_connections_subscribed_to_each_topic(table: str) -> None:
    connections = Connections(table, dynamodb())
    connections.add("order#alice#1", "a=")
    connections.add("order#alice#1", "b=")
    connections.add("account#alice", "a=")
    topics = ["order#alice#1", "account#alice", "order#alice#2"]
    assert connections.listening_to(topics) == {"order#alice#1": {"a=", "b="}, "account#alice": {"a="}}
    connections.remove("order#alice#1", "a=")
    connections.remove("order#alice#1", "not subscribed")
    connections.remove("no such topic", "a=")
    assert connections.listening_to(["order#alice#1"]) == {"order#alice#1": {"b="}}
    connections.remove("order#alice#1", "b=")
    assert connections.listening_to(["order#alice#1"]) == {}


def test_the_subscribers_of_hundreds_of_topics_are_found(table: str) -> None:
    connections = Connections(table, dynamodb())
    for number in range(0, 250, 10):
        connections.add(f"order#alice#{number}", "a")
    found = connections.listening_to([f"order#alice#{number}" for number in range(250)])
    assert len(found) == 25


class PartialTable:
    """A DynamoDB that processes a limited number of keys per request; the last limit also applies to later requests."""

    def __init__(self, *processed: int) -> None:
        self._processed = list(processed)
        self.requests: list[Any] = []

    def call(self, operation: str, RequestItems: Any) -> Any:
        assert operation == "BatchGetItem"
        self.requests.append(RequestItems)
        ((table, wanted),) = RequestItems.items()
        number = self._processed.pop(0) if len(self._processed) > 1 else self._processed[0]
        keys = wanted["Keys"]
        items = [{**key, "connectionIds": {"SS": [f"subscriber of {key['pk']['S']}"]}} for key in keys[:number]]
        unprocessed = {table: {**wanted, "Keys": keys[number:]}} if keys[number:] else {}
        return {"Responses": {table: items}, "UnprocessedKeys": unprocessed}


def test_unprocessed_keys_are_requested_again_with_growing_backoff() -> None:
    table, pauses = PartialTable(2, 0, 0, 0, 100), list[float]()
    found = Connections("connections", cast(Any, table), pauses.append).listening_to(["a", "b", "c", "d"])
    assert found == {topic: {f"subscriber of {topic}"} for topic in "abcd"}
    requested = [[key["pk"]["S"] for key in request["connections"]["Keys"]] for request in table.requests]
    assert requested == [["a", "b", "c", "d"], *[["c", "d"]] * 4]
    assert all(0 <= pause < longest for pause, longest in zip(pauses, (0.05, 0.1, 0.2, 0.4), strict=True))


def test_a_look_up_fails_when_keys_stay_unprocessed() -> None:
    table, pauses = PartialTable(100, 10, 0), list[float]()
    with pytest.raises(ConnectionsUnavailable):
        Connections("connections", cast(Any, table), pauses.append).listening_to([str(number) for number in range(300)])
    assert len(table.requests) == 1 + 6
    assert 0 < sum(pauses) <= 1.55


def test_subscribers_are_read_consistently() -> None:
    table = PartialTable(1, 100)
    Connections("connections", cast(Any, table), lambda seconds: None).listening_to(["a", "b"])
    assert [request["connections"]["ConsistentRead"] for request in table.requests] == [True, True]


def test_items_of_the_connections_table_expire(table: str) -> None:
    Connections(table, dynamodb()).add("account#alice", "a")
    (item,) = boto3.client("dynamodb").scan(TableName=table)["Items"]
    assert int(item["expiresAt"]["N"]) > datetime.now(UTC).timestamp() + 2 * 3600


def test_an_unavailable_connections_table_is_an_error() -> None:
    connections = Connections("none", dynamodb(NOWHERE))
    with pytest.raises(ConnectionsUnavailable):
        connections.add("topic", "a")
    with pytest.raises(ConnectionsUnavailable):
        connections.listening_to(["topic"])


def test_an_api_key_authenticates_its_account_until_it_is_revoked() -> None:
    client = create_table("keys", "keyHash")
    keys, lookup = ApiKeys("keys", client), KeyLookup("keys", dynamodb())
    mine, other = keys.create("alice", "laptop"), keys.create("bob", "bot")
    assert (lookup.account_of(mine), lookup.account_of(other)) == ("alice", "bob")
    assert mine not in str(client.scan(TableName="keys"))
    listed = {key.account: key for key in keys.all()}
    assert listed["alice"].label == "laptop"
    assert keys.revoke(listed["alice"].id)
    assert lookup.account_of(mine) is None
    assert lookup.account_of(other) == "bob"
    assert {key.account: key.disabled for key in keys.all()} == {"alice": True, "bob": False}
    assert not keys.revoke("000000000000")
    for wrong in ("", "oek_wrong", mine + "x", "k" * 10_000):
        assert lookup.account_of(wrong) is None


def test_api_keys_are_read_consistently() -> None:
    service = ScriptedService({"Item": {"disabled": {"BOOL": False}, "account": {"S": "alice"}}})
    assert KeyLookup("keys", cast(Any, service)).account_of("oek_new") == "alice"
    ((_, request),) = service.requests
    assert request["ConsistentRead"]
