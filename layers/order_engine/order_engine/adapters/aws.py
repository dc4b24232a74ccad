"""Calls to AWS: signed by botocore, posted by urllib3.

boto3 takes three times the CPU for each call, and another 100 ms of a cold start.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, NoCredentialsError, NoRegionError
from botocore.handlers import add_recursion_detection_header
from botocore.session import Session
from urllib3 import Retry, Timeout, connection_from_url
from urllib3.exceptions import HTTPError

_JSON = "application/x-amz-json-1.0"
# Once more, if it may pass; then, and after the timeouts, given up: whoever waits has a client of their own waiting.
_RETRY = Retry(
    1,
    allowed_methods=None,
    status_forcelist=(429, 500, 502, 503, 504),
    raise_on_status=False,
    redirect=False,
    respect_retry_after_header=False,
)
_CONNECT_SECONDS = 1


class AwsError(Exception):
    """A call failed. `status` is the answer's; None: there was no answer."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text if status is None else f"{status}: {text}")
        self.status = status


class SignedEndpoint:
    """An address that takes signed POSTs; its connections, at most `connections` at once, are kept."""

    def __init__(self, service: str, url: str, *, read_seconds: float = 3, connections: int = 10) -> None:
        timeout = Timeout(connect=_CONNECT_SECONDS, read=read_seconds)
        self.time_limit = 2 * timedelta(seconds=read_seconds)  # for an answer, both tries taken together
        self._service = service
        self._url = url.rstrip("/")
        self._path = urlsplit(self._url).path
        self._connections = connection_from_url(url, maxsize=connections, block=True, timeout=timeout, retries=_RETRY)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The body of the answer. Raises AwsError."""
        request = AWSRequest("POST", self._url + path, dict(headers), body)
        add_recursion_detection_header({"headers": request.headers})  # Lambda's trace, with which SQS goes on
        try:
            SigV4Auth(credentials(), self._service, region()).add_auth(request)
            answer = self._connections.urlopen("POST", self._path + path, body, dict(request.headers))
        except (HTTPError, BotoCoreError) as error:
            raise AwsError(repr(error)) from error
        if answer.status >= 300:
            raise AwsError(answer.data.decode(errors="replace"), answer.status)
        return answer.data

    def close(self) -> None:
        """Close its connections."""
        self._connections.close()


class JsonService:
    """A service that speaks AWS's JSON protocol. `target` stands before an operation's name in its requests."""

    def __init__(self, service: str, target: str, url: str | None = None) -> None:
        self.endpoint = SignedEndpoint(service, url or url_of(service))
        self._target = target

    def call(self, operation: str, **request: Any) -> Any:
        """The answer, as the service's API reference describes it. Raises AwsError."""
        headers = {"Content-Type": _JSON, "X-Amz-Target": f"{self._target}.{operation}"}
        return json.loads(self.endpoint.post("/", json.dumps(request).encode(), headers) or b"{}")


def sqs(url: str | None = None) -> JsonService:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/"""
    return JsonService("sqs", "AmazonSQS", url)


def dynamodb(url: str | None = None) -> JsonService:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/"""
    return JsonService("dynamodb", "DynamoDB_20120810", url)


def credentials() -> ReadOnlyCredentials:
    """Those of this moment: they are renewed while the process lives. Raises BotoCoreError when there are none."""
    known = _session().get_credentials()
    if known is None:
        raise NoCredentialsError()
    return known.get_frozen_credentials()


def region() -> str:
    """Raises BotoCoreError when none is set."""
    name = _session().get_config_variable("region")
    if not name:
        raise NoRegionError()
    return str(name)


def url_of(service: str) -> str:
    """Where a service of this region is, or what stands for all of them."""
    session, suffix = _session(), "amazonaws.com.cn" if region().startswith("cn-") else "amazonaws.com"
    given = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), service).provide()
    return given or f"https://{service}.{region()}.{suffix}"


@cache
def _session() -> Session:
    return Session()
