"""Models of the stream protocol's frames, and a connection that validates every frame against them."""

import json
from collections.abc import Collection
from contextlib import ExitStack
from typing import Annotated, Any, Literal, Self

from pydantic import Field, GetPydanticSchema, TypeAdapter
from pydantic_core import core_schema
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from order_engine.contracts.problems import STATUSES as STATUSES_OF
from order_engine.contracts.views import EventView, FieldErrorView, HistoryView, View
from order_engine.domain import errors

LIMIT = 128 * 1024  # bytes of a message, in either direction


def _codes(error: type[errors.EngineError]) -> set[str]:
    return {error.code}.union(*(_codes(kind) for kind in error.__subclasses__()))


# The codes that a client may get. `engine_error` (500) is not one of them: it would be a bug in the engine.
CODES = (_codes(errors.Refusal) | _codes(errors.Unavailable)) - {errors.EngineError.code}
STATUSES = {int(status) for kind, status in STATUSES_OF if issubclass(kind, errors.Refusal | errors.Unavailable)}


def _one_of(values: Collection[Any]) -> GetPydanticSchema:
    """A Literal of values that are known only at run time."""
    return GetPydanticSchema(lambda _source, _handler: core_schema.literal_schema(sorted(values)))


class Answer(View):
    """The fields of every response."""

    request_id: Annotated[str, Field(max_length=128)] | None = None


class SnapshotFrame(HistoryView, Answer):
    type: Literal["snapshot"]
    replayed: bool | None = None


class SubscribedFrame(Answer):
    type: Literal["subscribed"]
    channel: Literal["account"]


class UnsubscribedFrame(Answer):
    type: Literal["unsubscribed"]
    order_id: str | None = None
    channel: Literal["account"] | None = None


class PongFrame(Answer):
    type: Literal["pong"]


class ErrorFrame(Answer):
    type: Literal["error"]
    status: Annotated[int, _one_of(STATUSES)]
    code: Annotated[str, _one_of(CODES)]
    message: Annotated[str, Field(min_length=1)]
    errors: Annotated[list[FieldErrorView], Field(min_length=1)] | None = None


class EventsFrame(View):
    type: Literal["events"]
    events: Annotated[list[EventView], Field(min_length=1)]


Frame = Annotated[
    SnapshotFrame | EventView | EventsFrame | SubscribedFrame | UnsubscribedFrame | PongFrame | ErrorFrame,
    Field(discriminator="type"),
]
_FRAME: TypeAdapter[Any] = TypeAdapter(Frame)
_PUSHED = ("status", "events")


class Socket:
    """A connection. It is reopened only if a message closed it, which fails the test."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._url = url
        self._headers = headers
        self._open = ExitStack()
        self._connection: ClientConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def ask(self, message: str | bytes | list[str]) -> dict[str, Any]:
        """Send a message, in fragments if it is a list, and return the response.

        Validates every received frame, and checks with a ping that the connection is still open.
        """
        connection = self._connection = self._connection or self._opened()
        try:
            connection.send(message)
            answer = self._answer(connection)
            connection.send('{"action":"ping","requestId":"still there"}')
            assert self._answer(connection) == {"type": "pong", "requestId": "still there"}
        except BaseException as error:
            self._open.close()
            self._connection = None
            if isinstance(error, ConnectionClosed):
                raise AssertionError(f"the connection was closed: {error}") from error
            raise
        return answer

    def _opened(self) -> ClientConnection:
        connecting = connect(self._url, additional_headers=self._headers, compression=None, max_size=LIMIT)
        return self._open.enter_context(connecting)

    def _answer(self, connection: ClientConnection) -> dict[str, Any]:
        while True:
            text = connection.recv(timeout=20)
            frame: dict[str, Any] = json.loads(text)
            _FRAME.validate_json(_without_surrogates(text))
            if frame["type"] not in _PUSHED:
                return frame


def _without_surrogates(text: str | bytes) -> str:
    """Replace lone surrogates: JSON can contain them and a response may repeat them, but pydantic rejects them."""
    return json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace").decode()
