"""The commands and their shared options."""

from typing import Annotated

import typer

from order_client.cli import changes, trading
from order_client.cli.group import OrdersGroup
from order_client.cli.session import Session

_EPILOG = (
    "The options above may be given before or after the command. Without --url the engine is found through ORDERS_URL,"
    " ORDERS_WS_URL and ORDERS_API_KEY, then a profile, then a local cloud started with 'make run' in this directory"
    " or one above it.\n\n"
    "Exit codes: 0 ok; 1 the order was not filled or the request was refused; 2 wrong usage; 3 the engine cannot be"
    " reached or is unavailable; 4 no valid API key; 130 interrupted by Ctrl-C."
)


def shared(  # noqa: PLR0913, PLR0917 - one parameter per option
    ctx: typer.Context,
    url: Annotated[str | None, typer.Option(help="HTTP API (ORDERS_URL).", metavar="URL")] = None,
    ws_url: Annotated[str | None, typer.Option(help="WebSocket API (ORDERS_WS_URL).", metavar="URL")] = None,
    key: Annotated[str | None, typer.Option(help="API key (ORDERS_API_KEY).", metavar="KEY")] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help=r"Table \[profiles.NAME] of ~/.config/orders/config.toml: url, ws-url, key (ORDERS_PROFILE).",
            metavar="NAME",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON: a document, or one per line from streams.")] = False,
) -> None:
    """Trade on the Order Execution Engine."""
    ctx.obj = Session(url, ws_url, key, profile, json)


def new_app(description: str) -> typer.Typer:
    """A command line with the shared options and exit codes, without commands."""
    app = typer.Typer(
        cls=OrdersGroup,
        help=description,
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(shared)
    return app


app = new_app("Trade on the Order Execution Engine.")
app.command()(trading.quote)
app.command()(trading.submit)
app.command("list")(trading.list_orders)
app.command()(trading.show)
app.command()(trading.watch)
app.command()(changes.cancel)
app.command()(changes.replace)
app.command("cancel-after")(changes.cancel_after)
