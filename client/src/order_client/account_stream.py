"""An endless stream of the events of all orders of an account, which reconnects as often as necessary.

The account channel has no history. When an order's sequence has a gap, and for every unfinished order after a lost
connection or a quiet period, the stream reads the order and fills in the missed events. Resting orders, which may be
many and unchanged for days, are listed first, and only those that have changed are read. It misses an order only if the
order is both placed and finished while there is no connection.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from order_client.codec import decode
from order_client.errors import Unreachable
from order_client.models import Event, Order, Status
from order_client.order_stream import Open
from order_client.retries import WORTH_A_RETRY, Backoff

_REMEMBERED = 10_000
"""Number of finished orders whose last event is remembered, to recognize repeated events."""


class AccountStream:
    """The event stream of one account.

    `read` fetches an order with its events, `list_resting` all resting orders; `quiet` is in seconds.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it needs of the client
        self,
        open_socket: Open,
        read: Callable[[str], Awaitable[Order]],
        list_resting: Callable[[], AsyncGenerator[Order]],
        quiet: float,
        backoff: Backoff,
        on_subscribed: Callable[[], None] | None,
    ) -> None:
        self._open = open_socket
        self._read = read
        self._list_resting = list_resting
        self._quiet = quiet
        self._backoff = backoff
        self._on_subscribed = on_subscribed
        self._unfinished: dict[str, Event] = {}
        self._finished: OrderedDict[str, Event] = OrderedDict()
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
                    for order_id in await self._may_have_changed():
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

    async def _may_have_changed(self) -> Sequence[str]:
        unchanged: set[str] = set()
        if any(event.status == Status.RESTING for event in self._unfinished.values()):
            async with aclosing(self._list_resting()) as resting:
                unchanged = {
                    order.order_id async for order in resting if order.sequence <= self._sequence(order.order_id)
                }
        return [order_id for order_id in self._unfinished if order_id not in unchanged]

    async def _news(self, event: Event) -> Sequence[Event]:
        if event.sequence > self._sequence(event.order_id) + 1:
            return await self._missed(event.order_id)
        return self._take([event])

    async def _missed(self, order_id: str) -> Sequence[Event]:
        return self._take((await self._read(order_id)).events)

    def _take(self, events: Sequence[Event]) -> Sequence[Event]:
        news = [event for event in events if event.sequence > self._sequence(event.order_id)]
        for event in news:
            if event.terminal:
                self._unfinished.pop(event.order_id, None)
                self._finished[event.order_id] = event
            else:
                self._unfinished[event.order_id] = event
        while len(self._finished) > _REMEMBERED:
            self._finished.popitem(last=False)
        return news

    def _sequence(self, order_id: str) -> int:
        known = self._unfinished.get(order_id) or self._finished.get(order_id)
        return known.sequence if known else 0
