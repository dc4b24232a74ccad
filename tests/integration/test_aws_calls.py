"""Calls to AWS, as a server receives them: the requests of boto3, signed, and retried once."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from order_engine.adapters import aws
from order_engine.adapters.aws import AwsError, SignedEndpoint

NOWHERE = "http://127.0.0.1:1"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@dataclass(frozen=True)
class Request:
    """A received request, with header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Service:
    """A service that responds with these statuses in turn, then with 200, and with this body."""

    url: str
    requests: list[Request] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    body: bytes = b"{}"


@pytest.fixture(autouse=True)
def _role(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {"ACCESS_KEY_ID": "AKID", "SECRET_ACCESS_KEY": SECRET, "SESSION_TOKEN": "token"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    aws._session.cache_clear()
    yield
    aws._session.cache_clear()


@pytest.fixture
def service() -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests.append(Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(state.statuses.pop(0) if state.statuses else 200)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state = Service(f"http://127.0.0.1:{server.server_port}")
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield state
        server.shutdown()
        serving.join()


def is_signed(request: Request) -> bool:
    """Whether AWS would accept the signature, which is computed as AWS documents it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    parts = dict(part.split("=", 1) for part in request.headers["authorization"].partition(" ")[2].split(", "))
    names = parts["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            "POST",
            quote(request.path, safe="/-_.~"),
            "",
            *(f"{name}:{request.headers[name].strip()}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    scope = parts["Credential"].split("/", 1)[1]
    text = "\n".join(
        ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = b"AWS4" + SECRET.encode()
    for each in [*scope.split("/"), text]:
        key = hmac.digest(key, each.encode(), "sha256")
    assert {"host", "x-amz-date", "x-amz-security-token"} <= set(names)
    return key.hex() == parts["Signature"]


Call = Callable[[str], Any]
QUEUE = "https://sqs.eu-west-1.amazonaws.com/1/orders"
KEY = {"pk": {"S": "order#ä#1"}}


@pytest.mark.parametrize(
    ("ours", "boto3s"),
    [
        (
            lambda url: aws.sqs(url).call("SendMessage", QueueUrl=QUEUE, MessageBody="{}", DelaySeconds=2),
            lambda url: (
                boto3.Session()
                .client("sqs", endpoint_url=url)
                .send_message(QueueUrl=QUEUE, MessageBody="{}", DelaySeconds=2)
            ),
        ),
        (
            lambda url: aws.dynamodb(url).call("GetItem", TableName="keys", Key=KEY, ConsistentRead=True),
            lambda url: (
                boto3.Session()
                .client("dynamodb", endpoint_url=url)
                .get_item(TableName="keys", Key=KEY, ConsistentRead=True)
            ),
        ),
        (
            lambda url: SignedEndpoint("execute-api", f"{url}/live").post("/@connections/L0SM9c%3D", b"hi", {}),
            lambda url: (
                boto3.Session()
                .client("apigatewaymanagementapi", endpoint_url=f"{url}/live")
                .post_to_connection(ConnectionId="L0SM9c=", Data=b"hi")
            ),
        ),
    ],
    ids=["sqs", "dynamodb", "@connections"],
)
def test_requests_are_signed_and_equal_those_of_boto3(service: Service, ours: Call, boto3s: Call) -> None:
    ours(service.url)
    boto3s(service.url)
    one, other = service.requests
    assert one.path == other.path
    for name in ("content-type", "x-amz-target"):
        assert one.headers.get(name) == other.headers.get(name)
    if "x-amz-target" in one.headers:
        assert json.loads(one.body) == json.loads(other.body)
    else:
        assert one.body == other.body
    assert is_signed(one)
    assert is_signed(other), "the test's own check must accept the signature of boto3"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_transient_error_is_retried_once(service: Service, status: int) -> None:
    service.statuses = [status]
    assert aws.sqs(service.url).call("SendMessage") == {}
    service.statuses = [status, status]
    with pytest.raises(AwsError) as failed:
        aws.sqs(service.url).call("SendMessage")
    assert failed.value.status == status
    assert len(service.requests) == 4


@pytest.mark.parametrize("name", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_throttling_by_dynamodb_is_retried_once(service: Service, name: str) -> None:
    service.statuses, service.body = [400], json.dumps({"__type": f"com.amazonaws.dynamodb#{name}"}).encode()
    aws.dynamodb(service.url).call("GetItem")
    assert len(service.requests) == 2


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_a_response_that_is_not_a_json_object_is_an_error(service: Service, body: bytes) -> None:
    service.body = body
    with pytest.raises(AwsError):
        aws.sqs(service.url).call("SendMessage")


def test_each_attempt_has_a_new_signature(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two, Lambda may freeze the environment for longer than a signature is valid."""
    times = iter([datetime(2026, 11, 21, 9, tzinfo=UTC), datetime(2026, 11, 21, 10, tzinfo=UTC)])
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: next(times))
    service.statuses = [503]
    aws.sqs(service.url).call("SendMessage")
    assert [request.headers["x-amz-date"] for request in service.requests] == ["20261121T090000Z", "20261121T100000Z"]
    assert all(map(is_signed, service.requests))


@pytest.mark.parametrize("status", [301, 400, 403, 404, 410, 413])
def test_a_permanent_error_is_not_retried(service: Service, status: int) -> None:
    service.statuses = [status]
    with pytest.raises(AwsError) as failed:
        aws.sqs(service.url).call("SendMessage")
    assert failed.value.status == status
    assert len(service.requests) == 1


def test_an_error_without_a_response_or_without_credentials_has_no_status(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AwsError) as failed:
        aws.sqs(NOWHERE).call("SendMessage")
    assert failed.value.status is None
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    aws._session.cache_clear()
    with pytest.raises(AwsError) as failed:
        aws.sqs(service.url).call("SendMessage")
    assert failed.value.status is None
    assert not service.requests


def test_the_trace_header_is_sent(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda sets the variable for each invocation; SQS continues the trace of the header."""
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    aws.sqs(service.url).call("SendMessage")
    assert service.requests[0].headers["x-amzn-trace-id"] == trace
    assert is_signed(service.requests[0])


@pytest.mark.parametrize(
    ("region", "url"),
    [("eu-west-1", "https://sqs.eu-west-1.amazonaws.com"), ("cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn")],
)
def test_the_url_is_that_of_the_region_unless_one_is_set(
    monkeypatch: pytest.MonkeyPatch, region: str, url: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert boto3.Session().client("sqs").meta.endpoint_url == url
    assert aws.url_of("sqs") == url
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert aws.url_of("sqs") == "http://127.0.0.1:4566"
