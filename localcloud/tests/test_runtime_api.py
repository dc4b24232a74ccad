"""The Runtime API when a process exits."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import uvloop

from localcloud.lambdas.environment import Environment
from localcloud.lambdas.invocation import Invocation
from localcloud.lambdas.runtime_api import RuntimeApi
from localcloud.template.model import Function


class IdleEnvironment:
    """A fake environment that is waiting for its next invocation."""

    id = "one"
    function = cast(Function, type("Named", (), {"arn": "arn:aws:lambda:us-east-1:0:function:one"}))

    def __init__(self) -> None:
        self.deliver: asyncio.Future[Callable[[Invocation], None]] = asyncio.get_running_loop().create_future()

    def ready(self, deliver: Callable[[Invocation], None]) -> None:
        self.deliver.set_result(deliver)


def test_delivering_an_invocation_to_a_process_that_has_just_exited_does_not_raise() -> None:
    """The invocation fails when the exit is noticed, which is a moment later."""

    async def scenario() -> bytes:
        api, idle = RuntimeApi(), IdleEnvironment()
        api.add(cast(Environment, cast(Any, idle)))
        host, _, port = (await api.open()).partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(b"GET /one/2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n")
            deliver = await idle.deliver
            writer.write_eof()
            rest = await reader.read()  # ends when the API has closed its side
            invocation = Invocation(b"{}")
            invocation.start(10)
            deliver(invocation)
        finally:
            writer.close()
            api.close()
        return rest

    assert uvloop.run(scenario()) == b""
