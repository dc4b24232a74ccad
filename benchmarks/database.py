"""What Postgres has counted, and single values."""

from typing import Any

import psycopg

from testing.polling import eventually


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
