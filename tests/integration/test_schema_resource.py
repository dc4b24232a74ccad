"""The custom resource that migrates: how it gets the owner's password, and its responses to CloudFormation."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.doubles import OWNER_PASSWORD, FakeAws, fake_aws

ROOT = Path(__file__).parents[2]


def deploy(aws: FakeAws, request: str, secret: str = "owner-secret") -> str:
    """Invoke the function with the sample event; returns what it logs."""
    event = json.loads((ROOT / f"events/schema/{request}.json").read_text()) | {"ResponseURL": f"{aws.url}/response"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "testing/lambda_runner.py")],
        cwd=ROOT / "functions/schema",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "layers/order_engine"),
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "POWERTOOLS_LOG_LEVEL": "DEBUG",
            "MIGRATE_FUNCTION": "migrate-function",
            "OWNER_SECRET": secret,
        },
        input=json.dumps([event]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout + done.stderr


def test_the_password_is_passed_only_to_the_migrate_function() -> None:
    with fake_aws(["0001_orders.sql"]) as aws:
        logs = deploy(aws, "create")
    assert aws.invocations == [{"password": OWNER_PASSWORD}]
    assert [response["Status"] for response in aws.responses] == ["SUCCESS"]
    assert "0001_orders.sql" in logs
    assert OWNER_PASSWORD not in logs + json.dumps(aws.responses)


def test_a_failed_migration_fails_the_deployment_with_its_error() -> None:
    error = {"errorType": "SyntaxError", "errorMessage": 'syntax error at or near "TABEL"', "stackTrace": []}
    with fake_aws(error, failed=True) as aws:
        logs = deploy(aws, "create")
    (response,) = aws.responses
    assert response["Status"] == "FAILED"
    assert response["Reason"] == 'MigrationFailed: SyntaxError: syntax error at or near "TABEL"'
    assert OWNER_PASSWORD not in logs + json.dumps(response)


def test_the_migration_is_not_retried_after_a_timeout() -> None:
    with fake_aws({"errorMessage": "Task timed out after 120.00 seconds"}, failed=True) as aws:
        deploy(aws, "create")
    assert len(aws.invocations) == 1
    assert "timed out after 120" in aws.responses[0]["Reason"]


def test_deletion_invokes_nothing() -> None:
    with fake_aws("not invoked") as aws:
        deploy(aws, "delete")
    assert aws.invocations == []
    assert [response["Status"] for response in aws.responses] == ["SUCCESS"]


@pytest.mark.parametrize("request_type", ["create", "delete"])
def test_no_password_is_passed_where_the_url_contains_it(request_type: str) -> None:
    with fake_aws([]) as aws:
        deploy(aws, request_type, secret="")
    assert aws.invocations == ([{}] if request_type == "create" else [])
