"""Orders, events and quotes as text for the terminal."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from order_client.models import Event, Facts, Order, Quote, Quotes, Status

_STYLES: Mapping[str, str] = {
    Status.ROUTING: "yellow",
    Status.BUILDING: "blue",
    Status.SUBMITTED: "cyan",
    Status.CONFIRMED: "bold green",
    Status.FAILED: "bold red",
    Status.EXPIRED: "bold red",
    Status.CANCELLED: "bold magenta",
}


def quotes_table(quotes: Quotes) -> RenderableType:
    """Every venue's quote, the winner first."""
    table = table_of("venue", f"{quotes.token_out} out", "price", "fee bps", "impact bps", "")
    for quote in quotes.quotes:
        won = quote.venue == quotes.venue
        numbers = (quote.amount_out, quote.price, quote.fee_bps, quote.price_impact_bps)
        remark = quote.error.message if quote.error else "best" if won else ""
        texts = [quote.venue, *("" if number is None else f"{number:f}" for number in numbers), remark]
        table.add_row(*(Text(text) for text in texts), style="bold green" if won else "")
    return Group(Text(f"{quotes.amount:f} {quotes.token_in} for {quotes.token_out}"), table)


def orders_table(orders: Sequence[Order]) -> RenderableType:
    """One line per order."""
    if not orders:
        return Text("No orders.")
    table = table_of("order", "placed", "swap", "status", "attempts", "result")
    table.columns[0].min_width = len(orders[0].order_id)  # ids are shown in full so that they can be copied
    for order in orders:
        swap = Text(f"{order.amount:f} {order.token_in} > {order.token_out}")
        result = Text(_outcome(order), overflow="ellipsis")
        placed = f"{order.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(Text(order.order_id), placed, swap, _status(order.status), str(order.attempt), result)
    return table


def order_view(order: Order) -> RenderableType:
    """One order with its events."""
    facts = Table.grid(padding=(0, 2))
    rows = {
        "order": order.order_id,
        "client id": order.client_order_id,
        "swap": f"{order.amount:f} {order.token_in} > {order.token_out}, slippage {order.slippage_bps} bps",
        "at least": f"{order.min_amount_out:f} {order.token_out}" if order.min_amount_out is not None else None,
        "placed": f"{order.created_at.astimezone():%Y-%m-%d %H:%M:%S}",
        "expires": None if order.terminal else f"{order.expires_at.astimezone():%Y-%m-%d %H:%M:%S}",
        "venue": order.route.venue if order.route else None,
        "transaction": order.tx_hash,
        "result": _outcome(order),
    }
    for name, value in rows.items():
        if value:
            facts.add_row(name, Text(value))
    facts.add_row("status", _status(order.status))
    return Group(facts, *map(step_since(order.created_at), order.events))


def placed_line(order: Order) -> RenderableType:
    """One line for an accepted order."""
    return Text.assemble(
        "placed ", (order.order_id, "bold"), f"  {order.amount:f} {order.token_in} > {order.token_out}"
    )


def step_since(start: datetime) -> Callable[[Event], RenderableType]:
    """A renderer for the events of one order, with the time since `start`."""

    def step(event: Event) -> RenderableType:
        seconds = max(0.0, (event.at - start).total_seconds())
        return Text.assemble(f"{seconds:8.3f} s  ", _padded_status(event), _details(event))

    return step


def account_step(event: Event) -> RenderableType:
    """One line for an event of any order."""
    return Text.assemble(
        f"{event.at.astimezone():%H:%M:%S.%f}"[:-3], f"  {event.order_id}  ", _padded_status(event), _details(event)
    )


def _details(event: Event) -> str:
    match event.status:
        case Status.BUILDING if event.route:
            return " / ".join(_quoted(event.route.venue, event.route.quotes))
        case Status.SUBMITTED if event.tx_hash:
            return event.tx_hash
    return _outcome(event)


def _quoted(winner: str, quotes: Iterable[Quote]) -> Iterable[str]:
    for quote in quotes:
        answer = quote.error.code if quote.amount_out is None and quote.error else f"{quote.amount_out:f}"
        yield f"{quote.venue} {answer}{' (best)' if quote.venue == winner else ''}"


def _outcome(facts: Facts) -> str:
    if facts.error:
        again = f", again in {facts.retry_in_seconds} s" if facts.retry_in_seconds is not None else ""
        return f"{facts.error.code}: {facts.error.message}{again}"
    if facts.amount_out is None:
        return ""
    price = f" at {facts.executed_price:f}" if facts.executed_price is not None else ""
    return f"filled {facts.amount_out:f}{price}"


def _status(status: str) -> Text:
    return Text(status, style=_STYLES.get(status, ""))


def _padded_status(event: Event) -> Text:
    return Text(f"{event.status:<11}", style=_STYLES.get(event.status, ""))


def table_of(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, no_wrap=True)
    return table
