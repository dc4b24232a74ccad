"""A stub of SQS that accepts every message and stores none, so that only the sender's cost is measured."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from aiohttp import web


@contextmanager
def stub_queue() -> Iterator[str]:
    """The URL of the stub, which supports only SendMessage."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(_start(), loop).result()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start() -> web.AppRunner:
    app = web.Application(client_max_size=2**20)
    app.router.add_post("/{path:.*}", _send_message)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


async def _send_message(request: web.Request) -> web.Response:
    body = json.loads(await request.read())["MessageBody"]
    answer = {"MessageId": str(uuid4()), "MD5OfMessageBody": hashlib.md5(body.encode()).hexdigest()}
    return web.Response(body=json.dumps(answer), content_type="application/x-amz-json-1.0")
