"""Orders, events and quotes as text for the terminal."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from order_client.models import Cancelled, Event, Facts, Order, OrderType, PriceSample, Quote, Quotes, Status, Terms

_STYLES: Mapping[str, str] = {
    Status.RESTING: "dim",
    Status.ROUTING: "yellow",
    Status.BUILDING: "blue",
    Status.SUBMITTED: "cyan",
    Status.CONFIRMED: "bold green",
    Status.FAILED: "bold red",
    Status.EXPIRED: "bold red",
    Status.CANCELLED: "bold magenta",
}
_CANCEL_REQUESTED = "cancellation requested: it ends cancelled unless it is filled"


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
    table = table_of("order", "placed", "swap", "type", "status", "attempts", "result")
    table.columns[0].min_width = len(orders[0].order_id)  # ids are shown in full so that they can be copied
    for order in orders:
        texts = Text(order.order_id), _time(order.created_at), Text(_swap(order)), Text(_type(order))
        result = Text(_outcome(order), overflow="ellipsis")
        table.add_row(*texts, _status(order.status), str(order.attempt), result)
    return table


def order_view(order: Order) -> RenderableType:
    """One order with its events."""
    facts = Table.grid(padding=(0, 2))
    rows = {
        "order": order.order_id,
        "client id": order.client_order_id,
        "swap": f"{_swap(order)}, slippage {order.slippage_bps} bps",
        "type": _type(order),
        "at least": f"{order.min_amount_out:f} {order.token_out}" if order.min_amount_out is not None else None,
        "placed": _time(order.created_at),
        "expires": None if order.terminal else _time(order.expires_at),
        "activated": _sample(order.triggered_by) if order.triggered_by else None,
        "venue": order.route.venue if order.route else None,
        "transaction": order.tx_hash,
        "result": _outcome(order),
    }
    for name, value in rows.items():
        if value:
            facts.add_row(name, Text(value))
    facts.add_row("status", _status(order.status))
    return Group(facts, *map(step_since(order.created_at), order.events))


def order_line(what: str) -> Callable[[Order], RenderableType]:
    """A renderer for an order in one line, after `what` happened to it."""
    return lambda order: Text.assemble(f"{what} ", (order.order_id, "bold"), f"  {_swap(order)}, {_type(order)}")


def cancelled_summary(cancelled: Cancelled) -> RenderableType:
    """How many orders were cancelled, and why the others were not."""
    others = (f"not cancelled: {order.order_id}  {order.code}" for order in cancelled.not_cancelled)
    return Group(*map(Text, (f"cancelled {len(cancelled.cancelled)}", *others)))


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
        case Status.RESTING if event.terms and not event.error:
            return _terms(event.terms) if event.sequence == 1 else f"replaced: {_terms(event.terms)}"
        case Status.PENDING if event.triggered_by and not event.error:
            return f"activated: {_sample(event.triggered_by)}"
        case Status.BUILDING if event.route:
            return " / ".join(_quoted(event.route.venue, event.route.quotes))
        case Status.SUBMITTED if event.cancel_requested:
            return _CANCEL_REQUESTED
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
        return _CANCEL_REQUESTED if facts.cancel_requested else ""
    price = f" at {facts.executed_price:f}" if facts.executed_price is not None else ""
    return f"filled {facts.amount_out:f}{price}"


def _swap(order: Order) -> str:
    return f"{order.amount:f} {order.token_in} > {order.token_out}"


def _type(order: Order) -> str:
    match order.order_type, order.limit_price, order.stop_price:
        case (OrderType.LIMIT, price, _) | (OrderType.STOP, _, price) if price is not None:
            return f"{order.order_type} {price:f}"
    return order.order_type


def _terms(terms: Terms) -> str:
    price = "" if terms.trigger_price is None else f" at {terms.trigger_price:f}"
    return f"{terms.amount:f}{price} until {_time(terms.expires_at)}"


def _sample(sample: PriceSample) -> str:
    return f"{sample.source} pays {sample.price:f}"


def _time(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _status(status: str) -> Text:
    return Text(status, style=_STYLES.get(status, ""))


def _padded_status(event: Event) -> Text:
    return Text(f"{event.status:<11}", style=_STYLES.get(event.status, ""))


def table_of(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, no_wrap=True)
    return table
