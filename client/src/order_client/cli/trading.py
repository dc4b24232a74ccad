"""The commands for quotes and orders."""

from typing import Annotated

import typer

from order_client.cli.arguments import ExpiresIn, Force, expires_at
from order_client.cli.failures import REFUSED
from order_client.cli.render import account_step, order_line, order_view, orders_table, quotes_table, step_since
from order_client.cli.session import session_of
from order_client.models import OrderType, Status

TokenIn = Annotated[str, typer.Argument(help="Token to sell, such as SOL.")]
TokenOut = Annotated[str, typer.Argument(help="Token to buy, such as USDC.")]
Amount = Annotated[str, typer.Argument(help="How much to sell, in whole tokens, such as 0.5.")]


def quote(ctx: typer.Context, token_in: TokenIn, token_out: TokenOut, amount: Amount) -> None:
    """Show every venue's current quote for a swap."""
    session = session_of(ctx)
    with session.client() as client:
        session.show(client.quote(token_in.upper(), token_out.upper(), amount), quotes_table)


def submit(  # noqa: PLR0913, PLR0917 - one parameter per argument
    ctx: typer.Context,
    token_in: TokenIn,
    token_out: TokenOut,
    amount: Amount,
    limit: Annotated[
        str | None, typer.Option(metavar="PRICE", help="Wait until the market pays this price, and never take less.")
    ] = None,
    stop: Annotated[
        str | None, typer.Option(metavar="PRICE", help="Wait until the market's price has fallen to this price.")
    ] = None,
    snipe: Annotated[bool, typer.Option("--snipe", help="Wait until a venue lists the pair.")] = False,
    slippage_bps: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=10_000,
            help="How far the fill may be below its quote, in basis points;"
            " 50 by default, without --limit and --min-amount-out.",
        ),
    ] = None,
    min_amount_out: Annotated[
        str | None,
        typer.Option(metavar="AMOUNT", help="The least to buy, in whole tokens; the order is not filled for less."),
    ] = None,
    expires_in: ExpiresIn = None,
    client_order_id: Annotated[
        str | None, typer.Option(help="Your own id for the order; submitting it again does not place a second one.")
    ] = None,
    force: Force = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show the order's events until it ends; exit 1 if it is not filled.")
    ] = False,
) -> None:
    """Place an order. Prices are in tokens to buy per token to sell, net of fees."""
    session = session_of(ctx)
    if [limit is not None, stop is not None, snipe].count(True) > 1:
        raise typer.BadParameter("give at most one of --limit, --stop and --snipe")
    with session.client() as client:
        order = client.submit(
            token_in.upper(),
            token_out.upper(),
            amount,
            slippage_bps,
            client_order_id,
            order_type=OrderType.SNIPER if snipe else None,
            limit_price=limit,
            stop_price=stop,
            min_amount_out=min_amount_out,
            expires_at=expires_at(expires_in),
            force=force,
        )
        if not watch:
            session.show(order, order_line("placed"))
            return
        if not session.json:
            session.show(order, order_line("placed"))
        step = step_since(order.created_at)
        for event in client.stream(order.order_id):
            session.show_one_of_many(event, step)
            if event.terminal and event.status != Status.CONFIRMED:
                raise typer.Exit(REFUSED)


def list_orders(
    ctx: typer.Context,
    status: Annotated[Status | None, typer.Option(help="Only orders with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of orders to list.")] = 20,
    every: Annotated[bool, typer.Option("--all", help="List all orders.")] = False,
) -> None:
    """List orders, newest first."""
    session = session_of(ctx)
    with session.client() as client:
        orders = [*client.list(status, None if every else limit)]
    session.show(orders, orders_table)


def show(ctx: typer.Context, order_id: Annotated[str, typer.Argument(metavar="ID", help="The order's id.")]) -> None:
    """Show one order and its events."""
    session = session_of(ctx)
    with session.client() as client:
        session.show(client.get(order_id), order_view)


def watch(ctx: typer.Context) -> None:
    """Show the events of every order as they happen, until Ctrl-C."""
    session = session_of(ctx)
    with session.client() as client:
        for event in client.stream_account(lambda: session.note("Watching every order; press Ctrl-C to stop.")):
            session.show_one_of_many(event, account_step)
