"""g. Benchmarks b and c with many orders already stored, pages deep in a list, and the bytes that an order leaves.

The stored orders are copies of one that a worker executed, with all its events. The mocked chain's ledger is not filled
with copies: with a real chain it stays empty.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from benchmarks import worker
from benchmarks.figures import Figure, Options, at_least, per_run
from benchmarks.load import place_orders
from benchmarks.stub_queue import stub_queue
from order_engine.adapters.postgres.database import Database, parse_statements
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.domain.lifecycle import Status
from testing.cloud import running_cloud
from testing.postgres import TestServer

_STATEMENTS = parse_statements(Path(__file__).with_name("history.sql").read_text())
_PAGE = 50
_DEEP = 1_000
_LOOKS = 50


def measure(options: Options) -> list[Figure]:
    """Rates with many stored orders, also relative to those with none (interleaved); page times; bytes per order."""
    sizes = [0, options.orders] if options.orders else [0, 500] if options.quick else [0, 10_000, 1_000_000]
    with tempfile.TemporaryDirectory() as directory, stub_queue() as queue, ExitStack() as databases:
        server = TestServer(Path(directory) / "postgres")
        databases.callback(server.stop)
        urls = {size: databases.enter_context(_filled(server, queue, size)) for size in sizes}
        values = per_run(_run(urls, queue, options) for _ in range(options.runs))
        pages = per_run(_pages(urls[sizes[-1]], sizes[-1]) for _ in range(options.runs))
        sizes_in_bytes = _bytes_per_order(server, queue, options.scaled(2_000, 100))
    return [
        *(Figure(name, "/s", found) for name, found in values.items()),
        *_shares(values),
        *(Figure(name, "ms", found) for name, found in pages.items()),
        *(Figure(name, "bytes/order", [size]) for name, size in sizes_in_bytes.items()),
    ]


def _run(urls: dict[int, str], queue: str, options: Options) -> dict[str, float]:
    """Every rate at every size."""
    rates: dict[str, float] = {}
    for size, url in urls.items():
        for batch in (10, 100):
            measured = worker.execute(url, queue, batch, options.scaled(2_000, 200))
            rates[_name(f"worker, batches of {batch}", size)] = batch * len(measured.walls) / sum(measured.walls)
        orders = options.scaled(1_000, 30)
        rates[_name("orders confirmed end to end", size)] = _end_to_end(url, orders)
    return rates


def _name(what: str, size: int) -> str:
    return f"{what}, {size:,} orders there"


def _end_to_end(url: str, orders: int) -> float:
    with (
        tempfile.TemporaryDirectory() as directory,
        running_cloud(Path(directory), MOCK_LATENCY="0", LOCAL_DATABASE_URL=url) as cloud,
    ):
        asyncio.run(place_orders(cloud, orders // 4, 64))
        load = asyncio.run(place_orders(cloud, orders, 64))
    return orders / load.settled


def _shares(values: dict[str, list[float]]) -> Iterator[Figure]:
    """Each rate divided by that of the same run with no stored orders."""
    for name, found in values.items():
        what, _, there = name.rpartition(", ")
        if there != "0 orders there":
            # `rpartition` is not misled by the comma in 10,000, which has no space after it.
            empty = values[f"{what}, 0 orders there"]
            yield Figure(f"{name} / none", "", [a / b for a, b in zip(found, empty, strict=True)], at_least(0.9))


@contextmanager
def _filled(server: TestServer, queue: str, orders: int) -> Iterator[str]:
    """The URL of a database with `orders` finished orders."""
    with server.fresh_copy() as url:
        if orders:
            worker.execute(url, queue, 1, 1, warm_up=0)
            with psycopg.connect(url, autocommit=True) as connection:
                # Copies of a valid order need no constraint checks, which would take most of the time.
                connection.execute("SET session_replication_role = replica")
                connection.execute(_STATEMENTS["fill"], {"orders": orders})
                connection.execute(_STATEMENTS["fill_events"])
                connection.execute("VACUUM (ANALYZE)")
                connection.execute("CHECKPOINT")
        yield url


def _pages(url: str, orders: int) -> dict[str, float]:
    """Milliseconds for the first page of an account's orders and for its deepest one, at most the thousandth."""
    deep = min(_DEEP, orders // 10 // _PAGE)
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(_STATEMENTS["page_start"], {"skipped": deep * _PAGE - 1}).fetchone()
    assert row
    return asyncio.run(_times_of_pages(url, {1: None, deep: row[0]}))


async def _times_of_pages(url: str, starts: Mapping[int, UUID | None]) -> dict[str, float]:
    database = Database(url)
    try:
        return {
            f"page {number:,} of {_PAGE}{', one status' if status else ''}": await _time_of_page(
                OrderStore(database), before, status
            )
            for status in (None, Status.CONFIRMED)
            for number, before in starts.items()
        }
    finally:
        await database.close()


async def _time_of_page(orders: OrderStore, before: UUID | None, status: Status | None) -> float:
    times = []
    for _ in range(_LOOKS):
        began = time.perf_counter()
        found = await orders.page("demo", status, before, _PAGE + 1)
        times.append((time.perf_counter() - began) * 1000)
        assert found
    return statistics.median(times)


def _bytes_per_order(server: TestServer, queue: str, orders: int) -> dict[str, float]:
    """Bytes that an executed order leaves, including dead versions of its rows."""
    with server.fresh_copy() as url, psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        before = connection.execute(_STATEMENTS["bytes"]).fetchone()
        worker.execute(url, queue, 10, orders, warm_up=0)
        after = connection.execute(_STATEMENTS["bytes"]).fetchone()
    assert before and after
    return {name.replace("_", " "): (after[name] - before[name]) / orders for name in after}
