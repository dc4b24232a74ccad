"""What one invocation of the command line works with: the shared options, the client, the output."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import typer
from rich.console import Console, RenderableType

from order_client.blocking import Client
from order_client.client import AsyncClient
from order_client.codec import encode

T = TypeVar("T")

_WIDTH_OF_FILES = 200  # in a pipe or a file there is no edge to fit into


@dataclass(frozen=True, slots=True)
class Session:
    """The shared options. `json`: write for programs."""

    url: str | None
    ws_url: str | None
    key: str | None
    profile: str | None
    json: bool

    def client(self) -> Client:
        """Raises NotConfigured."""
        return Client(self.url, self.ws_url, self.key, self.profile)

    def async_client(self) -> AsyncClient:
        """Raises NotConfigured."""
        return AsyncClient(self.url, self.ws_url, self.key, self.profile)

    def show(self, value: T, render: Callable[[T], RenderableType]) -> None:
        """The result: one JSON document, or what `render` makes of it."""
        if self.json:
            typer.echo(json.dumps(encode(value), indent=2))
        else:
            _console().print(render(value))

    def show_one_of_many(self, value: T, render: Callable[[T], RenderableType]) -> None:
        """An item of a stream: a line of JSON, or what `render` makes of it."""
        if self.json:
            typer.echo(json.dumps(encode(value), separators=(",", ":")))
        else:
            _console().print(render(value))
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Something for people only, on stderr."""
        typer.echo(text, err=True)


def session_of(ctx: typer.Context) -> Session:
    """The session that the shared options made."""
    session: Any = ctx.obj
    assert isinstance(session, Session)
    return session


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)
