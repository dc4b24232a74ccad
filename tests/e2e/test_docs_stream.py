"""Real frames match the AsyncAPI document, and the clients in stream-protocol.md can follow an order."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
from jsonschema import Draft7Validator
from playwright.sync_api import Error, Page, sync_playwright
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from order_engine.contracts.asyncapi import asyncapi_document
from order_engine.contracts.examples import EVENTS, HISTORY
from testing.cloud import Cloud
from testing.orders import SOL, finished, place
from testing.pages import DOCS, executed_block
from testing.polling import eventually
from tests.e2e.browser.conftest import ARGUMENTS

PROTOCOL = DOCS / "stream-protocol.md"
DOCUMENT = asyncapi_document()
FRAMES = {
    reference["$ref"].rsplit("/", 1)[1]
    for operation in DOCUMENT["operations"].values()
    for reference in (operation["messages"] if operation["action"] == "send" else operation["reply"]["messages"])
}
LIFE = ["1 pending", "2 routing", "3 building", "4 submitted", "5 confirmed"]

Frame = dict[str, Any]


def test_every_frame_type_matches_its_schema(cloud: Cloud) -> None:
    frames = _recorded(cloud)
    for name, frame in frames.items():
        schema = Draft7Validator({**DOCUMENT, **DOCUMENT["components"]["messages"][name]["payload"]})
        assert [error.message for error in schema.iter_errors(frame)] == [], name
    assert frames.keys() | {"gatewayError"} == FRAMES


def test_api_gateways_error_frame_matches_its_schema(cloud: Cloud) -> None:
    """The function's process is suspended, so that it does not respond to a message, and then killed."""

    def refused() -> Frame | None:
        with connect(cloud.websocket_url, additional_headers=cloud.headers) as socket:
            processes = _websocket_processes(cloud)
            for process in processes:
                process.send_signal(signal.SIGSTOP)
            socket.send(json.dumps({"action": "ping"}))
            threading.Timer(0.2, _kill, [processes]).start()
            frame: Frame = json.loads(socket.recv(timeout=20))
            return frame if "type" not in frame else None

    frame = eventually(refused, "the process is killed while it handles a message", 30)
    payload = DOCUMENT["components"]["messages"]["gatewayError"]["payload"]
    assert [error.message for error in Draft7Validator({**DOCUMENT, **payload}).iter_errors(frame)] == []


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        process.kill()


def _websocket_processes(cloud: Cloud) -> list[psutil.Process]:
    children = psutil.Process(cloud.pid).children(recursive=True)
    return [process for process in children if process.environ().get("POWERTOOLS_SERVICE_NAME") == "websocket"]


def _recorded(cloud: Cloud) -> dict[str, Frame]:
    """One real frame of each type."""
    frames: dict[str, Frame] = {}
    with connect(cloud.websocket_url, additional_headers=cloud.headers) as socket:

        def until(kind: str) -> Frame:
            while kind not in frames:
                frame = json.loads(socket.recv(timeout=20))
                frames[frame["type"]] = frame
            return frames[kind]

        def ask(message: Frame, kind: str) -> Frame:
            socket.send(json.dumps({**message, "requestId": "r"}))
            return until(kind)

        ask({"action": "ping"}, "pong")
        ask({"action": "subscribe", "orderId": str(uuid4())}, "error")
        ask({"action": "subscribe", "channel": "account"}, "subscribed")
        snapshot = ask({"action": "execute", **SOL}, "snapshot")
        until("status")
        until("events")
        ask({"action": "unsubscribe", "orderId": snapshot["orderId"]}, "unsubscribed")
        del frames["snapshot"]
        resting = ask({"action": "execute", **SOL, "orderType": "limit", "limitPrice": "1000000"}, "snapshot")
        ask({"action": "cancel", "orderId": resting["orderId"]}, "cancelled")
    assert all(frames[kind]["requestId"] == "r" for kind in frames.keys() - {"status", "events"})
    return frames


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python client in stream-protocol.md, as a file."""
    file = tmp_path_factory.mktemp("client") / "follow.py"
    file.write_text(executed_block(PROTOCOL, "python"))
    return file


def _python_client(script: Path, url: str, key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env={"PATH": os.environ["PATH"], "ORDERS_WS_URL": url, "ORDERS_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def _steps(output: str) -> list[str]:
    return [" ".join(line.split()[:2]) for line in output.splitlines()]


def test_the_python_client_follows_an_order(cloud: Cloud, http: httpx.Client, script: Path) -> None:
    order_id = place(http)["orderId"]
    run = _python_client(script, cloud.websocket_url, cloud.api_key, order_id)
    assert (_steps(run.stdout), run.stderr) == (LIFE, "")
    resumed = _python_client(script, cloud.websocket_url, cloud.api_key, order_id, "3")
    assert _steps(resumed.stdout) == LIFE[3:]
    seen_all = _python_client(script, cloud.websocket_url, cloud.api_key, order_id, "5")
    assert (seen_all.stdout, seen_all.returncode) == ("", 0)


def test_the_python_client_stops_at_permanent_errors(cloud: Cloud, script: Path) -> None:
    unknown = _python_client(script, cloud.websocket_url, cloud.api_key, str(uuid4()))
    assert (unknown.returncode, unknown.stderr.strip()) == (1, "There is no such order in this account.")
    unauthenticated = _python_client(script, cloud.websocket_url, "wrong", str(uuid4()))
    assert unauthenticated.returncode == 1
    assert "401" in unauthenticated.stderr


class FaultyServer:
    """Sends events before the snapshot, twice or not at all, errors and unknown frames, and breaks a connection."""

    def __init__(self) -> None:
        self.subscribed_after: list[int] = []

    def __call__(self, socket: ServerConnection) -> None:
        for message in socket:
            after = json.loads(message)["afterSequence"]
            self.subscribed_after.append(after)
            match len(self.subscribed_after):
                case 1:
                    self._send(socket, EVENTS[1], self._snapshot(1, after), EVENTS[1], EVENTS[0])
                case 2:
                    self._send(socket, self._snapshot(2, after), EVENTS[1])
                    return  # the connection breaks
                case 3:
                    self._send(socket, self._snapshot(2, after), EVENTS[3])  # 3 is lost
                case 4:
                    self._send(socket, {"type": "error", "status": 503, "code": "x", "message": "not now"})
                case 5:
                    self._send(socket, {"type": "news", "sequence": 9, "terminal": True})
                case _:
                    self._send(socket, EVENTS[4], self._snapshot(5, after))

    @staticmethod
    def _snapshot(sequence: int, after: int) -> Frame:
        events = [event for event in EVENTS if after < event["sequence"] <= sequence]
        return {**HISTORY, **EVENTS[sequence - 1], "type": "snapshot", "events": events}

    @staticmethod
    def _send(socket: ServerConnection, *frames: Frame) -> None:
        for frame in frames:
            socket.send(json.dumps(frame))


@pytest.fixture
def faulty_server() -> Iterator[tuple[str, FaultyServer]]:
    """The server's URL, and the server."""
    server = FaultyServer()
    with serve(server, "127.0.0.1", 0, select_subprotocol=lambda _, offered: next(iter(offered), None)) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{running.socket.getsockname()[1]}", server
        running.shutdown()
        thread.join()


def test_the_python_client_delivers_each_step_once_despite_faults(
    faulty_server: tuple[str, FaultyServer], script: Path
) -> None:
    url, server = faulty_server
    assert _steps(_python_client(script, url, "any", HISTORY["orderId"]).stdout) == LIFE
    assert server.subscribed_after == [0, 1, 2, 2, 2, 2]


@pytest.fixture(scope="module")
def page(cloud: Cloud) -> Iterator[Page]:
    """A page in Chromium with the JavaScript client of stream-protocol.md."""
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None
    )
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=found, args=ARGUMENTS + (["--no-sandbox"] if os.getuid() == 0 else [])
            )
        except Error as error:
            if found:
                raise
            pytest.skip(f"no Chromium ({error.message[:80]})")
        page = browser.new_page()
        page.goto(f"{cloud.http_url}/api/tokens")
        page.add_script_tag(content=executed_block(PROTOCOL, "js"))
        yield page
        browser.close()


@pytest.fixture
def javascript_client(page: Page) -> Callable[[str, str, str, int], list[str]]:
    """Follows an order until it is finished; returns its steps."""

    def follow(url: str, key: str, order_id: str, last: int) -> list[str]:
        steps: list[str] = page.evaluate(
            """([url, key, orderId, last]) => new Promise((done) => {
                const steps = [];
                follow(url, key, orderId, (event) => {
                  steps.push(`${event.sequence} ${event.status}`);
                  if (event.terminal) done(steps);
                }, last);
            })""",
            [url, key, order_id, last],
        )
        return steps

    return follow


def test_the_javascript_client_follows_an_order(
    cloud: Cloud, http: httpx.Client, javascript_client: Callable[..., list[str]]
) -> None:
    order_id = place(http)["orderId"]
    assert javascript_client(cloud.websocket_url, cloud.api_key, order_id, 0) == LIFE
    finished(http, order_id)
    assert javascript_client(cloud.websocket_url, cloud.api_key, order_id, 3) == LIFE[3:]


def test_the_javascript_client_delivers_each_step_once_despite_faults(
    faulty_server: tuple[str, FaultyServer], javascript_client: Callable[..., list[str]]
) -> None:
    url, server = faulty_server
    assert javascript_client(url, "any", HISTORY["orderId"], 0) == LIFE
    assert server.subscribed_after == [0, 1, 2, 2, 2, 2]
