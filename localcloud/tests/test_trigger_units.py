"""Which messages a function's response leaves in the queue, and which policies allow a connection."""

import json

import pytest

from localcloud.errors import LocalCloudError
from localcloud.lambdas.invocation import Outcome, failure
from localcloud.template.compute import _rate
from localcloud.triggers.sqs_events import processed
from localcloud.websocket_api.authorizer import allows

MESSAGES = [{"MessageId": "1"}, {"MessageId": "2"}]
NONE: list[str] = []
ALL = ["1", "2"]


@pytest.mark.parametrize(
    ("answer", "deleted"),
    [
        (None, ALL),
        ({}, ALL),
        ({"batchItemFailures": []}, ALL),
        ({"batchItemFailures": None}, ALL),
        ({"batchItemFailures": [{"itemIdentifier": "1"}]}, ["2"]),
        ({"batchItemFailures": [{"itemIdentifier": "3"}]}, NONE),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, NONE),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, NONE),
        ({"batchItemFailures": [{"wrong": "1"}]}, NONE),
        ("nonsense", NONE),
    ],
)
def test_reported_failures_stay_in_the_queue(answer: object, deleted: list[str]) -> None:
    outcome = Outcome(json.dumps(answer).encode())
    assert [message["MessageId"] for message in processed(MESSAGES, outcome, reports_item_failures=True)] == deleted


def test_a_failed_function_keeps_the_batch() -> None:
    assert processed(MESSAGES, failure("E", "e"), reports_item_failures=True) == []


def test_without_item_reports_any_response_deletes_the_batch() -> None:
    answer = Outcome(b'{"batchItemFailures": [{"itemIdentifier": "1"}]}')
    assert processed(MESSAGES, answer, reports_item_failures=False) == MESSAGES


@pytest.mark.parametrize(
    ("effect", "resource", "allowed"),
    [
        ("Allow", "arn:x/live/$connect", True),
        ("Allow", "arn:*/$connect", True),
        ("Allow", ["other", "*"], True),
        ("Allow", "arn:y/*", False),
        ("Deny", "*", False),
    ],
)
def test_a_policy_must_allow_the_connection(effect: str, resource: str | list[str], allowed: bool) -> None:
    statement = {"Effect": effect, "Action": ["execute-api:*"], "Resource": resource}
    assert allows({"Statement": statement}, "arn:x/live/$connect") is allowed


def test_schedule_rates_are_parsed() -> None:
    assert (_rate("f", "rate(2 seconds)"), _rate("f", "rate(1 minute)"), _rate("f", "rate(3 hours)")) == (2, 60, 10800)
    with pytest.raises(LocalCloudError, match="rate"):
        _rate("f", "cron(0 * * * ? *)")
