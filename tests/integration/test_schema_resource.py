"""The custom resource that migrates: how it gets the owner's password, and what it tells CloudFormation."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PASSWORD = "the owner's pass: word"


@dataclass
class Aws:
    """Secrets Manager, Lambda and CloudFormation's bucket; `outcome` is what migrate does."""

    outcome: Any
    failed: bool = False
    url: str = ""
    invoked: list[Any] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def aws(outcome: Any, *, failed: bool = False) -> Iterator[Aws]:
    """They run on one port."""
    state = Aws(outcome, failed)

    class Handler(BaseHTTPRequestHandler):
        def body(self) -> Any:
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

        def do_POST(self) -> None:
            if self.headers.get("X-Amz-Target") == "secretsmanager.GetSecretValue":
                assert self.body() == {"SecretId": "owner-secret"}
                self.reply({"SecretString": json.dumps({"username": "orders_owner", "password": PASSWORD})})
            else:
                assert self.path == "/2015-03-31/functions/migrate-function/invocations"
                state.invoked.append(self.body())
                self.reply(state.outcome, **({"X-Amz-Function-Error": "Unhandled"} if state.failed else {}))

        def do_PUT(self) -> None:
            state.answers.append(self.body())
            self.reply({})

        def reply(self, document: Any, **headers: str) -> None:
            text = json.dumps(document).encode()
            self.send_response(200)
            for name, value in {"Content-Length": str(len(text)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()


def deploy(state: Aws, request: str, secret: str = "owner-secret") -> str:
    """What the function logs while it serves the sample event."""
    event = json.loads((ROOT / f"events/schema/{request}.json").read_text()) | {"ResponseURL": f"{state.url}/answer"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/lambda_runner.py")],
        cwd=ROOT / "functions/schema",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "layers/order_engine"),
            "AWS_ENDPOINT_URL": state.url,
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


def test_the_password_goes_to_migrate_and_nowhere_else() -> None:
    with aws(["0001_orders.sql"]) as state:
        logs = deploy(state, "create")
    assert state.invoked == [{"password": PASSWORD}]
    assert [answer["Status"] for answer in state.answers] == ["SUCCESS"]
    assert "0001_orders.sql" in logs
    assert PASSWORD not in logs + json.dumps(state.answers)


def test_a_failed_migration_fails_the_deployment_with_its_reason() -> None:
    said = {"errorType": "SyntaxError", "errorMessage": 'syntax error at or near "TABEL"', "stackTrace": []}
    with aws(said, failed=True) as state:
        logs = deploy(state, "create")
    (answer,) = state.answers
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == 'MigrationFailed: SyntaxError: syntax error at or near "TABEL"'
    assert PASSWORD not in logs + json.dumps(answer)


def test_one_migration_is_asked_for_even_if_it_takes_long() -> None:
    with aws({"errorMessage": "Task timed out after 120.00 seconds"}, failed=True) as state:
        deploy(state, "create")
    assert len(state.invoked) == 1
    assert "timed out after 120" in state.answers[0]["Reason"]


def test_deletion_waits_for_nothing() -> None:
    with aws("never asked") as state:
        deploy(state, "delete")
    assert state.invoked == []
    assert [answer["Status"] for answer in state.answers] == ["SUCCESS"]


@pytest.mark.parametrize("request_type", ["create", "delete"])
def test_outside_aws_the_url_has_the_password(request_type: str) -> None:
    with aws([]) as state:
        deploy(state, request_type, secret="")
    assert state.invoked == ([{}] if request_type == "create" else [])
