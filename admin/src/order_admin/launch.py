"""`orders-admin launch`: lists a token in the mocked market, which is what snipers wait for."""

from enum import StrEnum
from typing import Annotated, Any

import psycopg
import typer
from rich.console import RenderableType
from rich.text import Text

from order_client.cli.session import session_of
from order_client.endpoints import local_cloud
from order_client.errors import NotConfigured, Unreachable
from order_engine.venues.mock.market import UNLISTED

_CONNECT_SECONDS = 5


class Venue(StrEnum):
    """The venues of the mocked market."""

    RAYDIUM = "raydium"
    METEORA = "meteora"


def _token(symbol: str) -> str:
    if symbol.upper() not in UNLISTED:
        raise typer.BadParameter(f"must be one of {', '.join(sorted(UNLISTED))}; other tokens are traded anyway")
    return symbol.upper()


def launch(
    ctx: typer.Context,
    token: Annotated[str, typer.Argument(callback=_token, help="MOON or PUMP.")],
    venue: Annotated[Venue, typer.Option(help="The venue that lists it.")] = Venue.RAYDIUM,
) -> None:
    """List a new token in the mocked market of the local cloud. A listing cannot be taken back."""
    is_new = _list(_database_url(), token, venue)
    session_of(ctx).show({"token": token, "venue": venue, "new": is_new}, _report)


def _database_url() -> str:
    cloud = local_cloud()
    if cloud is None:
        raise NotConfigured("No local cloud is running in this directory or one above it: start it with 'make run'.")
    return str(cloud["databaseUrl"])


def _list(database_url: str, token: str, venue: Venue) -> bool:
    """Returns whether the venue had not listed the token before. Raises Unreachable."""
    try:
        with psycopg.connect(database_url, connect_timeout=_CONNECT_SECONDS) as owner:
            done = owner.execute(
                "INSERT INTO mock_chain.listings (token, venue) VALUES (%s, %s) ON CONFLICT DO NOTHING", (token, venue)
            )
    except psycopg.OperationalError as error:
        raise Unreachable(f"The database of the local cloud does not answer: {error}") from error
    return done.rowcount == 1


def _report(listing: dict[str, Any]) -> RenderableType:
    before = "" if listing["new"] else " already"
    return Text(f"{listing['token']} is{before} listed on {listing['venue']}")
