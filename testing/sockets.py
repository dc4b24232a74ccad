"""Connections to the WebSocket API of a running cloud, and what their events add up to."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from order_engine.contracts.views import EventView
from testing.cloud import Cloud

Frame = dict[str, Any]


class Socket:
    """A connection that speaks JSON."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, message: object) -> None:
        self.connection.send(message if isinstance(message, str) else json.dumps(message))

    def receive(self) -> Frame:
        frame: Frame = json.loads(self.connection.recv(timeout=20))
        return frame

    def ask(self, message: object) -> Frame:
        """Send a message and return the response; skips events of earlier orders that are pushed before it."""
        self.send(message)
        while (frame := self.receive())["type"] in ("status", "events"):
            pass
        return frame

    def events_until(self, enough: Callable[[list[Frame]], bool]) -> list[Frame]:
        """The events in status, events and snapshot frames, received until `enough` is true."""
        events: list[Frame] = []
        while not enough(events):
            frame = self.receive()
            assert frame["type"] in ("status", "events", "snapshot"), frame
            events += frame.get("events", [frame])
        return events


@contextmanager
def opened(cloud: Cloud, headers: dict[str, str] | None = None) -> Iterator[Socket]:
    with connect(cloud.websocket_url, additional_headers=headers or cloud.headers) as connection:
        yield Socket(connection)


def deduplicated(events: list[Frame]) -> list[Frame]:
    """Each sequence number once, in order, as a client sees them: a pushed event may overtake the snapshot."""
    for event in events:
        EventView.model_validate_json(json.dumps(event))
    return sorted({event["sequence"]: event for event in events}.values(), key=lambda event: event["sequence"])


def complete(events: list[Frame]) -> bool:
    """Whether these are all events of one order, up to the final one."""
    seen = deduplicated(events)
    return (
        bool(seen) and seen[-1]["terminal"] and [event["sequence"] for event in seen] == list(range(1, len(seen) + 1))
    )


def complete_for(order_id: str) -> Callable[[list[Frame]], bool]:
    return lambda events: complete([event for event in events if event["orderId"] == order_id])
