"""Unsigned calls in the AWS JSON protocol, which the local cloud itself sends to SQS and DynamoDB."""

import json
from typing import Any

import aiohttp

from localcloud.template.intrinsics import REGION

_TARGETS = {"sqs": "AmazonSQS", "dynamodb": "DynamoDB_20120810"}


class AwsError(Exception):
    """A call was refused or got no response."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class AwsJson:
    """A client for one endpoint; the caller owns the session."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def call(self, service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One operation, such as `call("sqs", "SendMessage", {...})`.

        Raises:
            AwsError: the service refused the call or did not respond.
        """
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"{_TARGETS[service]}.{operation}",
            # The signature is not checked; the scope names the service and the region.
            "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20250101/{REGION}/{service}/aws4_request,"
            " SignedHeaders=host, Signature=0",
        }
        try:
            async with self._session.post(self._url, data=json.dumps(request), headers=headers) as response:
                answer: dict[str, Any] = json.loads(await response.read() or b"{}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AwsError("EndpointConnectionError", str(error)) from error
        if response.status >= 300:
            code = str(answer.get("__type", response.status)).rpartition("#")[2]
            raise AwsError(code, str(answer.get("message") or answer.get("Message") or ""))
        return answer
