"""The events of one order, each once and in order, over as many connections as necessary.

A push may be lost, repeated or late, but the engine reads its response to a subscription from its database, which is
authoritative. So every anomaly (a gap, silence, a lost connection) is handled alike: subscribe again after the last
event seen.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing

from order_client.codec import decode
from order_client.errors import Unreachable
from order_client.models import Event, Status
from order_client.retries import WORTH_A_RETRY, Backoff
from order_client.socket import Frame, Socket

Open = Callable[[], AbstractAsyncContextManager[Socket]]


class OrderStream:
    """The event stream of one order. `quiet`: seconds of silence after which it subscribes again."""

    def __init__(self, open_socket: Open, order_id: str, after_sequence: int, quiet: float, backoff: Backoff) -> None:
        self._open = open_socket
        self._order_id = order_id.lower()  # the engine writes ids in lower case
        self._last = after_sequence
        self._ended = False
        self._resting = False
        self._asked = False
        self._quiet = quiet
        self._backoff = backoff

    async def events(self) -> AsyncGenerator[Event]:
        """Ends after the terminal event. Raises NotFound, Unauthenticated, ...; Unreachable after the last retry.

        While the order rests, which may take days, the number of retries is not limited.
        """
        while not self._ended:
            try:
                async with aclosing(self._connection()) as events:
                    async for event in events:
                        self._backoff.reset()
                        yield event
            except WORTH_A_RETRY as error:
                await self._backoff.wait(error, forever=self._resting)

    async def _connection(self) -> AsyncGenerator[Event]:
        async with self._open() as socket:
            await self._ask(socket)
            while not self._ended:
                frame = await socket.receive(self._quiet)
                if frame is None:
                    if self._asked:
                        raise Unreachable("The engine does not answer on the WebSocket.")
                    self._backoff.reset()
                    # Keeps the connection from being closed as idle, and recovers the events of lost pushes.
                    await self._ask(socket)
                elif frame.get("orderId") == self._order_id:
                    for event in self._news(frame):
                        yield event
                    if self._behind(frame):
                        await self._ask(socket)

    async def _ask(self, socket: Socket) -> None:
        self._asked = True
        await socket.send(action="subscribe", orderId=self._order_id, afterSequence=self._last)

    def _news(self, frame: Frame) -> list[Event]:
        """The frame's events that were not seen before."""
        if frame["type"] == "snapshot":
            self._asked = False
            self._ended = frame.get("terminal") is True
            self._resting = frame.get("status") == Status.RESTING
            events = [decode(Event, event) for event in frame.get("events", ())]
        else:
            events = [decode(Event, frame)]
            if events[0].sequence > self._last + 1:
                return []
        news = [event for event in events if event.sequence > self._last]
        for event in news:
            self._last = event.sequence
            self._ended = self._ended or event.terminal
            self._resting = event.status == Status.RESTING
        return news

    def _behind(self, frame: Frame) -> bool:
        return frame["type"] == "status" and frame["sequence"] > self._last and not self._asked
