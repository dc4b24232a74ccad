"""Loads a function's handler, then forks an execution environment for every request: see snapshot.py.

An environment takes invocations from the Runtime API and calls the handler:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Imports only the standard library, not the local cloud.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, "Context"], Any]


Headers = dict[str, str]
"""Header values by lower-case name."""


class Context:
    """The second argument of every handler."""

    def __init__(self, headers: Headers) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
        self.client_context = None
        self.identity = None
        self._deadline_ms = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._deadline_ms - int(time.time() * 1000))


class RuntimeApi:
    """The Runtime API over one keep-alive connection; http.client would take a third of a small invocation's time."""

    def __init__(self, address: str) -> None:
        self._host, _, prefix = address.partition("/")
        self._base = f"/{prefix}/2018-06-01/runtime/" if prefix else "/2018-06-01/runtime/"
        host, _, port = self._host.partition(":")
        self._socket = socket.create_connection((host, int(port or 80)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()

    def first_invocation(self) -> tuple[Headers, bytes]:
        """Waits for the first invocation."""
        self._socket.sendall(self._request("GET", "invocation/next"))
        return self._receive_answer()

    def respond(self, request_id: str, payload: bytes) -> tuple[Headers, bytes]:
        """Sends the result and waits for the next invocation."""
        return self._finish(f"invocation/{request_id}/response", payload)

    def fail(self, request_id: str, error: BaseException) -> tuple[Headers, bytes]:
        """Sends the error and waits for the next invocation."""
        return self._finish(f"invocation/{request_id}/error", json.dumps(describe(error)).encode())

    def _finish(self, path: str, body: bytes) -> tuple[Headers, bytes]:
        # Both requests in one write: a second write would wake both processes once more.
        self._socket.sendall(self._request("POST", path, body) + self._request("GET", "invocation/next"))
        self._receive_answer()
        return self._receive_answer()

    def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        head = f"{method} {self._base}{path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def _receive_answer(self) -> tuple[Headers, bytes]:
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            self._receive()
        status, *lines = self._received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body_at = end + 4
        next_at = body_at + int(headers["content-length"])
        while len(self._received) < next_at:
            self._receive()
        if " 403 " in status:
            raise ConnectionError(status)
        body = bytes(self._received[body_at:next_at])
        del self._received[:next_at]
        return headers, body

    def _receive(self) -> None:
        received = self._socket.recv(262_144)
        if not received:
            raise ConnectionError("the Runtime API is gone")
        self._received += received


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as Lambda's error document."""
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def load_handler(name: str) -> Handler:
    """`app.handler` -> the function `handler` of the module `app`."""
    module, _, function = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module.replace("/", ".")), function)
    return handler


def serve(api: RuntimeApi, handler: Handler) -> None:
    """Processes one invocation after the other, forever."""
    headers, event = api.first_invocation()
    while True:
        request_id = headers["lambda-runtime-aws-request-id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers["lambda-runtime-trace-id"]
        try:
            result = handler(json.loads(event), Context(headers))
            payload = json.dumps(result, ensure_ascii=False).encode()
        except Exception as error:
            traceback.print_exc()
            headers, event = api.fail(request_id, error)
        else:
            headers, event = api.respond(request_id, payload)


def end_with_parent() -> None:
    """Exits when standard input ends: the local cloud is gone, however it ended."""
    while os.read(0, 1024):
        pass
    os._exit(1)


class Channel:
    """JSON lines to and from the local cloud."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._received = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: dict[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> list[dict[str, str]]:
        """The complete lines received so far; exits this process when the other end is closed."""
        received = self._socket.recv(65536)
        if not received:
            sys.exit(0)
        *lines, self._received = (self._received + received).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        self._socket.close()


def fork_on_request(channel: Channel) -> dict[str, str]:
    """Forks for every request; returns in each child, with the request's variables. Reports pids and exit statuses."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    asked = channel.fileno()
    while True:
        ready, _, _ = select.select([asked, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 1024)
            report_the_ended(channel)
        for variables in channel.receive() if asked in ready else []:
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(wake_read)
                os.close(wake_write)
                channel.close()
                return variables
            os.setpgid(pid, pid)  # so that it can be killed together with its children
            channel.send({"pid": pid})


def report_the_ended(channel: Channel) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        channel.send({"pid": pid, "status": os.waitstatus_to_exitcode(status)})


def before_snapshot() -> None:
    """Runs the function's before-snapshot hooks: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html"""
    hooks = sys.modules.get("snapshot_restore_py")
    for hook, positional, named in reversed(hooks.get_before_snapshot()) if hooks else []:
        hook(*positional, **named)
    gc.collect()
    gc.freeze()  # keeps the loaded objects in memory shared with the forks


def main() -> None:
    channel = Channel(int(sys.argv[1]))
    try:
        handler = load_handler(os.environ["_HANDLER"])
        before_snapshot()
    except BaseException as error:
        traceback.print_exc()
        channel.send({"error": describe(error)})
        sys.exit(1)
    channel.send({"loaded": True})
    os.environ.update(fork_on_request(channel))
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        serve(RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"]), handler)
    except OSError:  # the Runtime API is gone, so the environment ends
        sys.exit(1)


if __name__ == "__main__":
    main()
