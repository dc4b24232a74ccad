"""Calls to AWS: signed by botocore, posted by urllib3.

boto3 takes three times the CPU for each call, and adds 100 ms to a cold start.
"""

import json
import random
import ssl
import time
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, CredentialRetrievalError, NoCredentialsError, NoRegionError
from botocore.session import Session
from urllib3 import Timeout, connection_from_url
from urllib3.exceptions import HTTPError

from order_engine.settings import aws_endpoint, trace

# Calls time out within seconds, because a client is waiting for the caller.
TRIES = 2
CONNECT_SECONDS = 1
_LONGEST_PAUSE_SECONDS = 0.1

_JSON = "application/x-amz-json-1.0"
_TRANSIENT_STATUSES = {None, 429, 500, 502, 503, 504}
_THROTTLES = ("Throttl", "ProvisionedThroughputExceeded", "RequestLimitExceeded")  # status 400 in DynamoDB


class AwsError(Exception):
    """A call failed. `status` is that of the HTTP response; None if there was none."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text if status is None else f"{status}: {text}")
        self.status = status

    @property
    def is_transient(self) -> bool:
        """Whether another try may succeed."""
        return self.status in _TRANSIENT_STATUSES or (
            self.status == 400 and any(name in str(self) for name in _THROTTLES)
        )


class SignedEndpoint:
    """An endpoint for signed POST requests. Keeps a pool of at most `connections` connections."""

    def __init__(self, service: str, url: str, *, read_seconds: float = 3, connections: int = 10) -> None:
        self.read_seconds = read_seconds
        self._service = service
        self._url = url.rstrip("/")
        self._path = urlsplit(self._url).path
        options = {"ssl_context": _tls()} if url.startswith("https:") else {}
        self._connections = connection_from_url(
            url,
            maxsize=connections,
            block=True,
            timeout=Timeout(connect=CONNECT_SECONDS, read=read_seconds),
            retries=False,
            **options,
        )

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Returns the body of the response. Transient failures are retried once. Raises AwsError."""
        for _ in range(TRIES - 1):
            try:
                return self._post(path, body, headers)
            except AwsError as error:
                if not error.is_transient:
                    raise
            time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))
        return self._post(path, body, headers)

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        request = AWSRequest("POST", self._url + path, dict(headers), body)
        if trace_id := trace():
            request.headers["X-Amzn-Trace-Id"] = quote(trace_id, safe="-=;:+&[]{}\"',")  # SQS passes it on
        try:
            SigV4Auth(credentials(), self._service, region()).add_auth(request)
            answer = self._connections.urlopen("POST", self._path + path, body, dict(request.headers))
        except (HTTPError, BotoCoreError) as error:
            raise AwsError(repr(error)) from error
        if answer.status >= 300:
            raise AwsError(answer.data.decode(errors="replace"), answer.status)
        return answer.data


class JsonService:
    """A service with AWS's JSON protocol. `target` is the prefix of operation names in its requests."""

    def __init__(self, service: str, target: str, url: str | None = None, *, read_seconds: float = 3) -> None:
        self.endpoint = SignedEndpoint(service, url or url_of(service), read_seconds=read_seconds)
        self._target = target

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """Returns the response, as described in the service's API reference. Raises AwsError."""
        headers = {"Content-Type": _JSON, "X-Amz-Target": f"{self._target}.{operation}"}
        body = self.endpoint.post("/", json.dumps(request).encode(), headers)
        try:
            answer = json.loads(body or b"{}")
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise AwsError("The response is not a JSON object.")
        return answer


def sqs(url: str | None = None) -> JsonService:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/"""
    return JsonService("sqs", "AmazonSQS", url)


def dynamodb(url: str | None = None, *, read_seconds: float = 3) -> JsonService:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/"""
    return JsonService("dynamodb", "DynamoDB_20120810", url, read_seconds=read_seconds)


def credentials() -> ReadOnlyCredentials:
    """The current credentials; botocore refreshes them when needed. Raises BotoCoreError if there are none."""
    try:
        known = _session().get_credentials()
        if known is None:
            raise NoCredentialsError()
        return known.get_frozen_credentials()
    except RuntimeError as error:  # raised by botocore if refreshed credentials are expired, too
        raise CredentialRetrievalError(provider="renewal", error_msg=str(error)) from error


def region() -> str:
    """The AWS region. Raises BotoCoreError if none is set."""
    name = _session().get_config_variable("region")
    if not name:
        raise NoRegionError()
    return str(name)


def url_of(service: str) -> str:
    """The URL of a service in this region, or its override. Only for the partitions aws and aws-cn."""
    suffix = "amazonaws.com.cn" if region().startswith("cn-") else "amazonaws.com"
    return aws_endpoint(service) or f"https://{service}.{region()}.{suffix}"


@cache
def _session() -> Session:
    return Session()


@cache
def _tls() -> ssl.SSLContext:
    """One context for all connections: loading the CA certificates takes 30 ms."""
    return ssl.create_default_context()
