"""No statement scans a growing table sequentially."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from order_engine.adapters.postgres import database
from order_engine.adapters.postgres.database import Database, parse_statements, statement_named
from order_engine.domain.lifecycle import CANCELLABLE, CLAIMS, TRANSITIONS
from testing.postgres import TestServer

ORDERS = 20_000
# The statements that run for every order; Postgres caches their plans.
_PREPARED = {"orders.place", "orders.claim", "orders.record", "mock_chain.send", "mock_chain.landings"}
_EXECUTIONS = 6  # Postgres caches a generic plan after five executions at the latest
_FEW = 300  # rows: a page, or ten orders with their events and adjacent index entries
_SQL = Path(database.__file__).parent / "sql"
_STATEMENTS = {
    f"{file.stem}.{name}": text
    for file in _SQL.glob("*.sql")
    for name, text in parse_statements(file.read_text()).items()
}
_GROWING = {"orders", "order_events", "transactions"}
_FILL = """
    INSERT INTO orders (id, account, client_order_id, type, token_in, token_out, amount_in, slippage_bps, status,
                        sequence, attempt, transaction, amount_out, executed_price, watchdog_at, created_at,
                        finished_at)
    SELECT uuidv7(- n * interval '1 minute'), 'account-' || n %% 20, n::text, 'market', 'SOL', 'USDC', 1, 50,
           CASE WHEN open THEN 'routing' ELSE 'confirmed' END, CASE WHEN open THEN 2 ELSE 5 END, 1, '{}',
           CASE WHEN NOT open THEN 150 END, CASE WHEN NOT open THEN 150 END, CASE WHEN open THEN now() END,
           now() - n * interval '1 minute', CASE WHEN NOT open THEN now() - n * interval '1 minute' END
    FROM (SELECT n, n %% 1000 = 0 AS open FROM generate_series(%(orders)s, 1, -1) AS n) AS numbered"""
_FILL_EVENTS = """
    INSERT INTO order_events (order_id, sequence, status, attempt, at)
    SELECT id, n, status, 1, created_at FROM orders, generate_series(1, 5) AS n"""
_FILL_LEDGER = """
    INSERT INTO mock_chain.transactions
        (signature, order_id, venue, token_in, token_out, amount_in, min_amount_out, outcome, amount_out, lands_at)
    SELECT id || '/' || n, id, 'raydium', 'SOL', 'USDC', 1, 1, 'filled', 1, now()
    FROM orders, generate_series(1, 5) AS n"""

Connection = psycopg.Connection[dict[str, Any]]


@pytest.fixture(scope="module")
def connection(postgres_server: TestServer) -> Iterator[Connection]:
    """A connection to a database with many orders, of which few are open."""
    with (
        postgres_server.fresh_copy() as url,
        psycopg.connect(url, autocommit=True, prepare_threshold=None, row_factory=dict_row) as connection,
    ):
        _fill(connection, ORDERS)
        connection.execute("ANALYZE")
        yield connection


def _fill(connection: psycopg.Connection[Any], orders: int) -> None:
    connection.execute(_FILL, {"orders": orders})
    connection.execute(_FILL_EVENTS)
    connection.execute(_FILL_LEDGER)


def _parameters(ids: list[UUID]) -> dict[str, dict[str, Any]]:
    """The parameters of each statement, for ten orders."""
    transaction = {
        "order_id": str(ids[0]), "venue": "raydium", "token_in": "SOL", "token_out": "USDC", "amount_in": "1",
        "min_amount_out": "1", "valid_until": "2026-11-21T09:00:00Z",
        "outcome": "filled", "amount_out": "1", "lands_in": 1,
    }  # fmt: skip
    transactions = json.dumps([{**transaction, "signature": f"{order_id}/1"} for order_id in ids])
    transitions = [
        {"id": str(order_id), "attempt": 1, "sequence": 3, "status": "building", "details": {}} for order_id in ids
    ]
    allowed = [{"source": source, "target": target} for source, target in TRANSITIONS]
    page = {"account": "account-1", "before": UUID(int=2**128 - 1), "limit": 51}
    new = {
        "id": str(UUID(int=7)), "account": "account-1", "client_order_id": "new", "type": "market", "token_in": "SOL",
        "token_out": "USDC", "amount_in": 1, "slippage_bps": 50, "status": "pending", "details": {},
    }  # fmt: skip
    claim = {
        "types": ["market"],
        "tokens": ["SOL", "USDC"],
        "lease": timedelta(seconds=35),
        "max_attempts": 3,
        "from_statuses": list(CLAIMS),
        "to_statuses": list(CLAIMS.values()),
        "resting": ["resting"],
        "start": True,
    }
    crossing = {"token_in": "SOL", "token_out": "USDC", "type": "limit", "lowest": 0, "highest": 150, "details": {}}
    watchdog = {"watchdog": timedelta(seconds=20)}
    return {
        "orders.place": {"orders": json.dumps([new]), "lifetime": timedelta(minutes=5), **watchdog},
        "orders.placed_before": {"account": "account-1", "client_order_ids": ["1"]},
        "orders.mark_due": {"ids": ids, "waiting": ["pending"]},
        "orders.open_ids": {**page, "statuses": list(CANCELLABLE), "token_in": "SOL", "token_out": None},
        "orders.cancel": {"account": "account-1", "ids": ids, "cancellable": list(CANCELLABLE)},
        "orders.replace": {
            "id": ids[0],
            "account": "account-1",
            "sequence": 1,
            "amount_in": 1,
            "trigger_price": 1,
            "expires_at": "2026-11-21T09:00:00Z",
            "details": "{}",
            "resting": ["resting"],
        },
        "orders.get": {"account": "account-1", "id": ids[0], "most": 300},
        "orders.events": {"ids": ids, "most": 20},
        "orders.page": page,
        "orders.page, deep": {**page, "before": ids[0]},
        "orders.page_of_status": {**page, "status": "confirmed"},
        "orders.page_of_status, deep": {**page, "status": "confirmed", "before": ids[0]},
        "orders.claim": {"ids": ids, **claim},
        "orders.record": {
            "ids": ids,
            "transitions": json.dumps(transitions),
            "allowed": json.dumps(allowed),
            **watchdog,
        },
        "orders.due": {"types": ["market"], "tokens": ["SOL", "USDC"], "limit": 500},
        "orders.extend_watch": {"ids": ids, "longest": timedelta(minutes=15), **watchdog},
        # With a limit of 1,000, a sequential scan of this small table would be the right plan.
        "orders.purge_finished": {"days": 10, "limit": 100},
        "orders.ping": {},
        "triggers.resting": {"types": ["limit"], "tokens": ["SOL", "USDC"]},
        "triggers.activate": {"crossings": json.dumps([crossing]), "limit": 1000, **watchdog},
        "triggers.set_switch": {"account": "account-1", "after": timedelta(minutes=1)},
        "triggers.clear_switch": {"account": "account-1"},
        "triggers.wake": {"grace": timedelta(seconds=5)},
        "triggers.fall_asleep": {},
        "triggers.waiting": {},
        "triggers.expire": {"details": "{}", "limit": 1000},
        "triggers.tick": {"grace": timedelta(seconds=5)},
        "triggers.end_switch": {"account": "account-1"},
        "mock_chain.listings": {},
        "mock_chain.send": {"sent": transactions},
        "mock_chain.landings": {"transactions": transactions, "signatures": [f"{order_id}/1" for order_id in ids]},
    }


def test_every_statement_is_tested() -> None:
    assert {case.partition(",")[0] for case in _parameters([UUID(int=0)])} == _STATEMENTS.keys()


@pytest.mark.parametrize("case", _parameters([UUID(int=0)]))
def test_no_growing_table_is_scanned_sequentially(connection: Connection, case: str) -> None:
    ids = [row["id"] for row in connection.execute("SELECT id FROM orders ORDER BY id OFFSET 10000 LIMIT 10")]
    explained = f"EXPLAIN (FORMAT JSON) {statement_named(case.partition(',')[0])}"
    row = connection.execute(explained, _parameters(ids)[case]).fetchone()
    assert row
    (plan,) = row["QUERY PLAN"]
    scanned = [node["Relation Name"] for node in _nodes(plan["Plan"]) if node["Node Type"] == "Seq Scan"]
    assert not _GROWING.intersection(scanned), json.dumps(plan, indent=1)


@pytest.mark.parametrize("before", [0, 50])
async def test_a_plan_cached_while_the_tables_were_small_still_fits_when_they_have_grown(
    postgres_server: TestServer, before: int
) -> None:
    with postgres_server.fresh_copy() as url, psycopg.connect(url, autocommit=True) as filling:
        await _statements_while_tables_grow(url, filling, before)


async def _statements_while_tables_grow(url: str, filling: psycopg.Connection[Any], before: int) -> None:
    database = Database(url)
    try:
        _fill(filling, before)
        filling.execute("ANALYZE")
        for case, parameters in _parameters([uuid4() for _ in range(10)]).items():
            for _ in range(_EXECUTIONS):
                await database.fetch(case.partition(",")[0], parameters, prepare=case in _PREPARED)
        filling.execute("DELETE FROM order_events; DELETE FROM orders")  # TRUNCATE would invalidate the cached plans
        _fill(filling, 2_000)
        ids = [row[0] for row in filling.execute("SELECT id FROM orders ORDER BY id OFFSET 1100 LIMIT 10")]
        for case, parameters in _parameters(ids).items():
            read = await _rows_read(database, filling)
            await database.fetch(case.partition(",")[0], parameters, prepare=case in _PREPARED)
            assert await _rows_read(database, filling) < read + _FEW, case
        assert database._connection
        kept = await database._connection.execute("SELECT count(*) FROM pg_prepared_statements WHERE generic_plans > 0")
        assert await kept.fetchone() == {"count": len(_PREPARED)}
    finally:
        await database.close()


async def _rows_read(database: Database, reading: psycopg.Connection[Any]) -> int:
    """How many rows and index entries of growing tables the connection under test has read."""
    assert database._connection
    await database._connection.execute("SELECT pg_stat_force_next_flush()", prepare=False)
    read = """
        SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = ANY(%(tables)s))
             + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = ANY(%(tables)s))"""
    (rows,) = reading.execute(read, {"tables": list(_GROWING)}).fetchone() or (0,)
    return int(rows)


def test_a_sequential_scan_is_detected(connection: Connection) -> None:
    row = connection.execute("EXPLAIN (FORMAT JSON) SELECT * FROM orders WHERE details::text = 'x'").fetchone()
    assert row
    assert [node["Node Type"] for node in _nodes(row["QUERY PLAN"][0]["Plan"])] == ["Seq Scan"]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
