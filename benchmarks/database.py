"""Orders straight into Postgres, by the thousand, and what Postgres has counted."""

from typing import Any
from uuid import UUID

import psycopg

from tests.polling import eventually

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
    """Pending orders with their first event, as the api leaves them; their ids, oldest first."""
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(_PLACE, (orders,))]


def commits(url: str) -> int:
    """Transactions committed in the database by connections that are closed by now, read-only ones included."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        row = connection.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = %s", (name,)).fetchone()
    assert row
    return int(row[0])


def wait_until_alone(url: str) -> None:
    """Until nobody else is connected: a connection's counts are complete when it has ended."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        busy = "SELECT 1 FROM pg_stat_activity WHERE datname = %s"
        eventually(lambda: connection.execute(busy, (name,)).fetchone() is None, "nobody is connected")


def scalar(url: str, statement: str, *parameters: Any) -> Any:
    """The one value that a query gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement, parameters).fetchone()
    assert row
    return row[0]
