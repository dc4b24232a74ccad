"""Inserts orders directly into Postgres, by the thousand, and reads Postgres's statistics."""

from typing import Any
from uuid import UUID

import psycopg

from testing.polling import eventually

_PLACE = """
    WITH placed AS (
        INSERT INTO orders (account, type, token_in, token_out, amount_in, slippage_bps, watchdog_at)
        SELECT 'demo', 'market', 'SOL', 'USDC', 1, 50, now() + interval '15 minutes' FROM generate_series(1, %s)
        RETURNING id, sequence, status, attempt, created_at, details
    ), first_event AS (
        INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
        SELECT id, sequence, status, attempt, created_at, details FROM placed
    )
    SELECT id FROM placed ORDER BY id"""


def place(url: str, orders: int) -> list[UUID]:
    """Insert pending orders with their first event, as the API function does; returns their ids, oldest first."""
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(_PLACE, (orders,))]


def commits(url: str) -> int:
    """Transactions, including read-only ones, committed in the database by connections that are closed by now."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        row = connection.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = %s", (name,)).fetchone()
    assert row
    return int(row[0])


def wait_until_alone(url: str) -> None:
    """Wait until there is no connection to the database: a connection's counts are complete only after its end."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        busy = "SELECT 1 FROM pg_stat_activity WHERE datname = %s"
        eventually(lambda: connection.execute(busy, (name,)).fetchone() is None, "there is no connection")


def scalar(url: str, statement: str, *parameters: Any) -> Any:
    """The single value that a query returns."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement, parameters).fetchone()
    assert row
    return row[0]
