"""An endless stream of the events of all orders of an account, which reconnects as often as necessary.

The account channel has no history. When an order's sequence has a gap, and for every unfinished order after a lost
connection or a quiet period, the stream reads the order and fills in the missed events. It misses an order only if the
order is both placed and finished while there is no connection.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from order_client.codec import decode
from order_client.errors import Unreachable
from order_client.models import Event, Order
from order_client.order_stream import Open
from order_client.retries import WORTH_A_RETRY, Backoff

_REMEMBERED = 10_000
"""Number of orders whose last event is remembered, to recognize repeated events."""


class AccountStream:
    """The event stream of one account. `read` fetches an order with its events; `quiet` is in seconds."""

    def __init__(
        self,
        open_socket: Open,
        read: Callable[[str], Awaitable[Order]],
        quiet: float,
        backoff: Backoff,
        on_subscribed: Callable[[], None] | None,
    ) -> None:
        self._open = open_socket
        self._read = read
        self._quiet = quiet
        self._backoff = backoff
        self._on_subscribed = on_subscribed
        self._last: OrderedDict[str, Event] = OrderedDict()
        self._was_subscribed = False

    async def events(self) -> AsyncGenerator[Event]:
        """Never ends. Raises Unauthenticated, ...; Unreachable only if the first subscription cannot be made."""
        while True:
            try:
                async with aclosing(self._connection()) as events:
                    async for event in events:
                        self._backoff.reset()
                        yield event
            except WORTH_A_RETRY as error:
                await self._backoff.wait(error, forever=self._was_subscribed)

    async def _connection(self) -> AsyncGenerator[Event]:
        async with self._open() as socket:
            await socket.send(action="subscribe", channel="account")
            waiting = True
            while True:
                frame = await socket.receive(self._quiet)
                if frame is None:
                    if waiting:
                        raise Unreachable("The engine does not answer on the WebSocket.")
                    self._backoff.reset()
                    await socket.send(action="ping")
                waiting = frame is None
                if frame is None or frame["type"] == "subscribed":
                    for order_id in self._unfinished():
                        for event in await self._missed(order_id):
                            yield event
                if frame is None:
                    continue
                if frame["type"] == "subscribed":
                    self._subscribed()
                for document in frame.get("events", ()):
                    for event in await self._news(decode(Event, document)):
                        yield event

    def _subscribed(self) -> None:
        self._was_subscribed = True
        if self._on_subscribed:
            self._on_subscribed()

    def _unfinished(self) -> list[str]:
        return [order_id for order_id, event in self._last.items() if not event.terminal]

    async def _news(self, event: Event) -> Sequence[Event]:
        if event.sequence > self._sequence(event.order_id) + 1:
            return await self._missed(event.order_id)
        return self._take([event])

    async def _missed(self, order_id: str) -> Sequence[Event]:
        return self._take((await self._read(order_id)).events)

    def _take(self, events: Sequence[Event]) -> Sequence[Event]:
        news = [event for event in events if event.sequence > self._sequence(event.order_id)]
        for event in news:
            self._last[event.order_id] = event
            self._last.move_to_end(event.order_id)
        while len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        return news

    def _sequence(self, order_id: str) -> int:
        known = self._last.get(order_id)
        return known.sequence if known else 0
