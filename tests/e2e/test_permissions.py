"""Each function's AWS requests, also under failures, are exactly those that its role in the template allows."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
import pytest

from testing.accounts import aws_client
from testing.cloud import QUICK, Cloud, client_of, running_cloud
from testing.faults.proxies import AwsProxy, aws_proxy
from testing.orders import SOL, place
from testing.polling import eventually
from testing.sockets import opened
from tests.contract.deployed import deployed

pytestmark = pytest.mark.security

# Requests whose permission has a different name.
PERMISSION = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
# Used by Lambda with the function's role, not by the function.
BY_LAMBDA = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}


def allowed() -> set[tuple[str, str, str]]:
    """(function, action, resource) of every permission for SQS and DynamoDB."""
    stack = deployed()
    return {
        (name, action, resource.removesuffix(".Arn"))
        for name in stack.of_type("AWS::Lambda::Function")
        for statement in stack.policy_of(name.replace("Function", "Role"))
        for action in statement["Action"]
        for resource in statement["Resource"]
        if action.split(":")[0] in ("sqs", "dynamodb") and action not in BY_LAMBDA
    }


@contextmanager
def without(aws: AwsProxy, service: str, resource: str) -> Iterator[None]:
    """Make a service unavailable to requests that name one of its resources."""
    aws.is_down = lambda requested, body: requested == service and resource in body
    try:
        yield
    finally:
        aws.is_down = lambda requested, body: False


def exhaust_attempts(cloud: Cloud, order_id: str) -> None:
    with psycopg.connect(cloud.database_url) as owner:
        owner.execute("UPDATE orders SET attempt = 3 WHERE id = %s", (UUID(order_id),))


def trigger_every_request(cloud: Cloud, aws: AwsProxy, http: httpx.Client) -> None:
    """Trigger every AWS request that the functions make, one after the other."""

    def expect(function: str, action: str, resource: str) -> None:
        def look() -> bool:
            return (function, action, resource) in called(aws)

        eventually(look, f"{function} calls {action} on {resource}", 30)

    queues = {name: url.rpartition("/")[2] for name, url in cloud.queues.items()}
    sqs = aws_client(cloud, "sqs")
    with opened(cloud) as socket:
        socket.ask({"action": "subscribe", "channel": "account"})
        socket.ask({"action": "execute", **SOL})
        with without(aws, "dynamodb", "ConnectionsTable"):
            place(http)
            expect("NotifierFunction", "sqs:ChangeMessageVisibility", "StatusQueue")
    with without(aws, "sqs", queues["OrdersQueue"]):
        exhausted, waiting = (place(http)["orderId"] for _ in range(2))
        exhaust_attempts(cloud, exhausted)
        for order_id in (exhausted, waiting, "none"):
            body = json.dumps({"orderId": order_id})
            sqs.send_message(QueueUrl=cloud.queues["OrdersDeadLetterQueue"], MessageBody=body)
        expect("DeadLetterFunction", "sqs:SendMessage", "OrdersPoisonQueue")
        expect("DeadLetterFunction", "sqs:SendMessage", "OrdersQueue")
    expect("DeadLetterFunction", "sqs:SendMessage", "StatusQueue")
    expect("SweeperFunction", "sqs:SendMessage", "OrdersQueue")

    def retried() -> bool:
        place(http)  # half of the venue calls fail
        return ("WorkerFunction", "sqs:ChangeMessageVisibility", "OrdersQueue") in called(aws)

    eventually(retried, "the worker postpones an order's next attempt", 30)

    def settled() -> bool:
        body = json.dumps({"orderId": place(http)["orderId"]})
        sqs.send_message(QueueUrl=cloud.queues["OrdersDeadLetterQueue"], MessageBody=body, DelaySeconds=1)
        senders = {"WorkerFunction", "ConfirmerFunction", "DeadLetterFunction"}
        return {(sender, "sqs:SendMessage", "ConfirmationsQueue") for sender in senders} <= called(aws)

    eventually(settled, "each sender hands orders in flight over to the confirmer", 60)
    expect("ConfirmerFunction", "sqs:SendMessage", "OrdersQueue")
    expect("NotifierFunction", "dynamodb:UpdateItem", "ConnectionsTable")
    trigger_the_trigger(cloud, aws, http)


def trigger_the_trigger(cloud: Cloud, aws: AwsProxy, http: httpx.Client) -> None:
    """Place orders that rest, and orders whose price is gone when they are quoted, or when they land."""
    front_doors, settlers = ("ApiFunction", "WebSocketFunction"), ("WorkerFunction", "ConfirmerFunction")
    expected = {(sender, "sqs:SendMessage", "TriggerQueue") for sender in (*front_doors, *settlers)}
    expected |= {(sender, "sqs:SendMessage", "StatusQueue") for sender in (*front_doors, "TriggerFunction")}
    expected |= {("TriggerFunction", "sqs:SendMessage", "OrdersQueue")}
    far = {**SOL, "orderType": "limit", "limitPrice": "1000000"}
    reached = {**SOL, "orderType": "limit", "limitPrice": "1", "force": True}

    def asleep() -> None:
        with psycopg.connect(cloud.database_url, autocommit=True) as owner:
            owner.execute("UPDATE trigger_state SET awake_until = '-infinity'")

    def triggered() -> bool:
        for order in (far, {**reached, "minAmountOut": "1000000"}, {**reached, "slippageBps": 0}):
            asleep()
            place(http, order)
        with opened(cloud) as socket:
            asleep()
            socket.ask({"action": "execute", **far})
        return expected <= called(aws)

    eventually(triggered, "the trigger is started by each function, and queues orders", 60)


def called(aws: AwsProxy) -> set[tuple[str, str, str]]:
    """The requests that functions made, by the names of their permissions."""
    return {
        (function, PERMISSION.get(action, action), resource.removesuffix(".fifo"))
        for function, action, resource in set(aws.seen)
        if function.endswith("Function")
    }


def test_each_role_allows_exactly_what_its_function_does(tmp_path: Path) -> None:
    # Transactions are still in flight when they are first checked.
    in_flight = {"MOCK_LATENCY": "0.3", "LANDING_SECONDS": "0"}
    settings = {**QUICK, **in_flight, "MOCK_FAILURE_RATE": "0.5", "WATCHDOG_SECONDS": "3"}
    with aws_proxy() as aws, running_cloud(tmp_path, LOCAL_AWS_ENDPOINT_URL=aws.url, **settings) as cloud:
        aws.target = cloud.aws_url
        with client_of(cloud) as http:
            trigger_every_request(cloud, aws, http)
        assert called(aws) == allowed()
