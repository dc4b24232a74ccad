"""Custom resources: CloudFormation's request to a function, and the response that it PUTs to the ResponseURL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

from aiohttp import web

from localcloud.errors import LocalCloudError
from localcloud.lambdas.pool import FunctionPool
from localcloud.template.intrinsics import STACK_ID
from localcloud.template.model import CustomResource

_ANSWER_SECONDS = 5
"""How long after the function's end the response may arrive; CloudFormation would wait until its own timeout."""


class CustomResources:
    """Creates each resource at the first start, and updates it at every later start."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.put("/custom-resources/{request_id}", self._put)]

    async def deploy(self, resource: CustomResource, pool: FunctionPool, url: str) -> None:
        """Invokes the function and waits for its response; `url` is the base URL at which `routes` are served.

        Raises:
            LocalCloudError: the function failed; the message has its reason.
        """
        request_id = str(uuid.uuid4())
        answer = self._answers[request_id] = asyncio.get_running_loop().create_future()
        known = self._recall()
        request = _request(resource, known.get(resource.logical_id))
        request |= {"RequestId": request_id, "ResponseURL": f"{url}/custom-resources/{request_id}"}
        try:
            async with asyncio.timeout(resource.timeout):
                outcome = await pool.invoke(json.dumps(request).encode())
                if outcome.failed and not answer.done():
                    raise LocalCloudError(f"{resource.logical_id} failed: {outcome.error_message}")
                async with asyncio.timeout(_ANSWER_SECONDS):
                    document = await answer
        except TimeoutError:
            raise LocalCloudError(
                f"{resource.logical_id} failed: {pool.function.name} did not answer to the ResponseURL"
            ) from None
        finally:
            del self._answers[request_id]
        if document.get("Status") != "SUCCESS":
            raise LocalCloudError(f"{resource.logical_id} failed: {document.get('Reason', 'no reason given')}")
        known[resource.logical_id] = {
            "PhysicalResourceId": document.get("PhysicalResourceId", request_id),
            "ResourceProperties": resource.properties,
        }
        self._memory.write_text(json.dumps(known, indent=2))

    async def _put(self, request: web.Request) -> web.Response:
        answer = self._answers.get(request.match_info["request_id"])
        if answer is None:
            raise web.HTTPNotFound
        document = json.loads(await request.read())
        if not answer.done():
            answer.set_result(document)
        return web.Response()

    def _recall(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads(self._memory.read_text()) if self._memory.is_file() else {}
        return known


def _request(resource: CustomResource, previous: dict[str, Any] | None) -> dict[str, Any]:
    request = {
        "RequestType": "Create",
        "StackId": STACK_ID,
        "LogicalResourceId": resource.logical_id,
        "ResourceType": resource.kind,
        "ResourceProperties": resource.properties,
        "ServiceToken": resource.service_token,
    }
    if previous is not None:
        request |= {
            "RequestType": "Update",
            "PhysicalResourceId": previous["PhysicalResourceId"],
            "OldResourceProperties": previous["ResourceProperties"],
        }
    return request
