"""The context of one run of the command line: the shared options, the client and the output."""

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

_WIDTH_OF_FILES = 200  # a pipe or a file has no width to fit into


@dataclass(frozen=True, slots=True)
class Session:
    """The shared options. `json`: write JSON, for programs."""

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
        """Print the result as one JSON document, or as `render` formats it."""
        if self.json:
            typer.echo(json.dumps(encode(value), indent=2))
        else:
            _console().print(render(value))

    def show_one_of_many(self, value: T, render: Callable[[T], RenderableType]) -> None:
        """Print an item of a stream as a line of JSON, or as `render` formats it."""
        if self.json:
            typer.echo(json.dumps(encode(value), separators=(",", ":")))
        else:
            _console().print(render(value))
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Print a message to stderr that is meant for people only."""
        typer.echo(text, err=True)


def session_of(ctx: typer.Context) -> Session:
    """The session created from the shared options."""
    session: Any = ctx.obj
    assert isinstance(session, Session)
    return session


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)
