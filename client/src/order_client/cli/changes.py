"""The commands that cancel and replace orders."""

from typing import Annotated

import typer

from order_client.cli.arguments import ExpiresIn, Force, expires_at
from order_client.cli.failures import REFUSED
from order_client.cli.render import cancelled_summary, order_line
from order_client.cli.session import session_of
from order_client.codec import encode
from order_client.models import Status


def cancel(  # noqa: PLR0913, PLR0917 - one parameter per argument
    ctx: typer.Context,
    order_id: Annotated[str | None, typer.Argument(metavar="ID", help="The order's id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Cancel all open orders.")] = False,
    status: Annotated[Status | None, typer.Option(help="With --all: only orders with this status.")] = None,
    token_in: Annotated[str | None, typer.Option(help="With --all: only orders that sell this token.")] = None,
    token_out: Annotated[str | None, typer.Option(help="With --all: only orders that buy this token.")] = None,
) -> None:
    """Cancel an order, or all open ones; exit 1 if one may still be filled."""
    session = session_of(ctx)
    if (order_id is None) != every:
        raise typer.BadParameter("give either an ID or --all")
    if order_id is not None:
        if status or token_in or token_out:
            raise typer.BadParameter("--status, --token-in and --token-out are for --all")
        with session.client() as client:
            session.show(client.cancel(order_id), order_line("cancelled"))
        return
    with session.client() as client:
        cancelled = client.cancel_all(status, _symbol(token_in), _symbol(token_out))
    session.show(cancelled, cancelled_summary)
    if cancelled.not_cancelled:
        raise typer.Exit(REFUSED)


def replace(  # noqa: PLR0913, PLR0917 - one parameter per argument
    ctx: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ID", help="The order's id, which it keeps.")],
    limit: Annotated[str | None, typer.Option(metavar="PRICE", help="Another limit price.")] = None,
    stop: Annotated[str | None, typer.Option(metavar="PRICE", help="Another stop price.")] = None,
    amount: Annotated[str | None, typer.Option(help="Another amount to sell.")] = None,
    expires_in: ExpiresIn = None,
    force: Force = False,
) -> None:
    """Change the price, amount or expiry of a resting order."""
    session = session_of(ctx)
    if {limit, stop, amount, expires_in} == {None}:
        raise typer.BadParameter("give at least one of --limit, --stop, --amount and --expires-in")
    with session.client() as client:
        order = client.replace(
            order_id,
            limit_price=limit,
            stop_price=stop,
            amount=amount,
            expires_at=expires_at(expires_in),
            force=force,
        )
    session.show(order, order_line("replaced"))


def cancel_after(
    ctx: typer.Context,
    seconds: Annotated[int, typer.Argument(min=0, max=3600, help="0 switches it off.")],
) -> None:
    """Cancel all open orders in so many SECONDS, unless this command is repeated before."""
    session = session_of(ctx)
    with session.client() as client:
        cancel_at = client.cancel_after(seconds)
    text = (
        f"all open orders will be cancelled at {cancel_at.astimezone():%H:%M:%S} unless this is repeated before"
        if cancel_at
        else "switched off"
    )
    session.show({"cancelAt": encode(cancel_at)}, lambda _: text)


def _symbol(token: str | None) -> str | None:
    return token.upper() if token else None
