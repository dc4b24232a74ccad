"""`orders-admin load`: puts the engine under load and reports latencies and outcomes."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.progress import Progress
from rich.text import Text

from order_admin.latencies import PERCENTILES, histogram, percentile
from order_admin.load_run import Load, Plan, Result
from order_client.cli.failures import REFUSED
from order_client.cli.session import Session, session_of
from order_client.models import Status


def load(  # noqa: PLR0913, PLR0917 - one parameter per option
    ctx: typer.Context,
    orders: Annotated[int, typer.Argument(min=1, metavar="N", help="How many orders to place.")],
    in_flight: Annotated[int, typer.Option(min=1, help="Orders in flight at once.")] = 32,
    batch: Annotated[
        int, typer.Option(min=1, max=100, help="Orders per call; with more than 1, at least one batch is in flight.")
    ] = 1,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds after which orders count as unsettled.")] = 300.0,
    token_in: Annotated[str, typer.Option(help="Token to sell.")] = "SOL",
    token_out: Annotated[str, typer.Option(help="Token to buy.")] = "USDC",
    amount: Annotated[str, typer.Option(help="How much to sell.")] = "1",
    slippage_bps: Annotated[int, typer.Option(min=0, max=10_000)] = 50,
) -> None:
    """Place many orders and measure how long each takes to be accepted and confirmed. Exit 1 if any is not."""
    session = session_of(ctx)
    plan = Plan(orders, in_flight, batch, timeout, token_in.upper(), token_out.upper(), amount, slippage_bps)
    result = asyncio.run(_run(session, plan))
    session.show(_document(result), lambda _: _report(result))
    if result.outcomes[Status.CONFIRMED] < orders:
        raise typer.Exit(REFUSED)


async def _run(session: Session, plan: Plan) -> Result:
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=session.json or not screen.is_terminal) as progress:
        bar = progress.add_task("orders", total=plan.orders)
        async with session.async_client() as client:
            return await Load(client, plan, lambda: progress.advance(bar)).run()


def _document(result: Result) -> dict[str, Any]:
    return {
        "outcomes": dict(result.outcomes),
        "errors": dict(result.errors),
        "seconds": round(result.seconds, 3),
        "confirmedPerSecond": _rate(result),
        "acceptedMs": _percentiles(result.accepted),
        "confirmedMs": _percentiles(result.confirmed),
    }


def _report(result: Result) -> RenderableType:
    lines = [
        f"{result.outcomes.total()} orders in {result.seconds:.1f} s, {_rate(result):.1f} confirmed/s",
        "  ".join(f"{name} {count}" for name, count in result.outcomes.most_common()),
        *(f"  {code} {count}" for code, count in result.errors.most_common()),
        "",
        f"{'ms':<12}" + "".join(f"{_name(percent):>9}" for percent in PERCENTILES),
        *(
            f"{name:<12}" + "".join(f"{value:>9.1f}" for value in _percentiles(values).values())
            for name, values in (("accepted", result.accepted), (Status.CONFIRMED, result.confirmed))
        ),
        "",
        *histogram(result.confirmed),
    ]
    return Group(*map(Text, lines))


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {_name(p): round(percentile(ordered, p) * 1000, 1) for p in PERCENTILES} if ordered else {}


def _name(percent: int) -> str:
    return "max" if percent == 100 else f"p{percent}"


def _rate(result: Result) -> float:
    return round(result.outcomes[Status.CONFIRMED] / result.seconds, 1) if result.seconds else 0.0
