"""What each function asks AWS for when it works and when it does not is just what its role in the template allows."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import psycopg

from tests.accounts import aws_client
from tests.cloud import QUICK, Cloud, client_of, running_cloud
from tests.contract.deployed import deployed
from tests.e2e.test_http import SOL, place
from tests.e2e.test_websocket import opened
from tests.polling import eventually
from tests.reliability.proxies import AwsProxy, aws_proxy

# SQS and DynamoDB name some requests otherwise than the permission for them.
PERMISSION = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
# Lambda uses these with the function's role, the function does not.
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
def without(aws: AwsProxy, service: str, named: str) -> Iterator[None]:
    """The service does not answer requests about one of its resources."""
    aws.is_down = lambda asked, body: asked == service and named in body
    try:
        yield
    finally:
        aws.is_down = lambda asked, body: False


def run_out_of_attempts(cloud: Cloud, order_id: str) -> None:
    with psycopg.connect(cloud.database_url) as owner:
        owner.execute("UPDATE orders SET attempt = 3 WHERE id = %s", (UUID(order_id),))


def work_and_fail(cloud: Cloud, aws: AwsProxy, http: httpx.Client) -> None:
    """Everything that makes a function call AWS, one after the other."""

    def asked(function: str, action: str, resource: str) -> None:
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
            asked("NotifierFunction", "sqs:ChangeMessageVisibility", "StatusQueue")
    with without(aws, "sqs", queues["OrdersQueue"]):
        exhausted, waiting = (place(http)["orderId"] for _ in range(2))
        run_out_of_attempts(cloud, exhausted)
        for order_id in (exhausted, waiting, "none"):
            body = json.dumps({"orderId": order_id})
            sqs.send_message(QueueUrl=cloud.queues["OrdersDeadLetterQueue"], MessageBody=body)
        asked("DeadLetterFunction", "sqs:SendMessage", "OrdersPoisonQueue")
        asked("DeadLetterFunction", "sqs:SendMessage", "OrdersQueue")
    asked("DeadLetterFunction", "sqs:SendMessage", "StatusQueue")
    asked("SweeperFunction", "sqs:SendMessage", "OrdersQueue")

    def retried() -> bool:
        place(http)  # the market fails half of the time
        return ("WorkerFunction", "sqs:ChangeMessageVisibility", "OrdersQueue") in called(aws)

    eventually(retried, "the worker has an order wait for its next attempt", 30)

    def settled() -> bool:
        body = json.dumps({"orderId": place(http)["orderId"]})
        sqs.send_message(QueueUrl=cloud.queues["OrdersDeadLetterQueue"], MessageBody=body, DelaySeconds=1)
        senders = {"WorkerFunction", "ConfirmerFunction", "DeadLetterFunction"}
        return {(who, "sqs:SendMessage", "ConfirmationsQueue") for who in senders} <= called(aws)

    eventually(settled, "orders in flight are handed on by all that meet them", 60)
    asked("ConfirmerFunction", "sqs:SendMessage", "OrdersQueue")
    asked("NotifierFunction", "dynamodb:UpdateItem", "ConnectionsTable")


def called(aws: AwsProxy) -> set[tuple[str, str, str]]:
    """What functions asked for, as permissions name it."""
    return {
        (who, PERMISSION.get(action, action), resource.removesuffix(".fifo"))
        for who, action, resource in set(aws.seen)
        if who.endswith("Function")
    }


def test_a_role_allows_what_its_function_does_and_no_more(tmp_path: Path) -> None:
    # Transactions are in flight when they are first looked at.
    in_flight = {"MOCK_LATENCY": "0.3", "LANDING_SECONDS": "0"}
    settings = {**QUICK, **in_flight, "MOCK_FAILURE_RATE": "0.5", "WATCHDOG_SECONDS": "3"}
    with aws_proxy() as aws, running_cloud(tmp_path, LOCAL_AWS_ENDPOINT_URL=aws.url, **settings) as cloud:
        aws.target = cloud.aws_url
        with client_of(cloud) as http:
            work_and_fail(cloud, aws, http)
        assert called(aws) == allowed()
