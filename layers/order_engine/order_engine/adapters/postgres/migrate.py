"""Schema migrations: each file in migrations/ runs once, in order, in its own transaction.

A file named *.concurrently.sql runs statement by statement without one, as CREATE INDEX CONCURRENTLY requires; it must
be repeatable, because it may be interrupted between two statements.
"""

import time
from importlib.resources import files
from importlib.resources.abc import Traversable

import psycopg

LOCK = 0x6F72646572  # "order" in ASCII; of two concurrent migrations, one waits for the other
_LOCK_SECONDS = 0.2
_LOCK_ATTEMPTS = 30
_NOT_YET = "OE001"  # raised by a migration while the previous release still uses what it removes


def migrate(url: str, password: str | None = None) -> list[str]:
    """Bring the database of `url` up to date as its owner; returns the names of the migrations that ran.

    `password` is the owner's, if it is not in the URL. Raises psycopg.Error; a failed migration is rolled back, and
    later ones are not run. A migration that raises SQLSTATE OE001 is postponed to the next run.
    """
    ran = []
    with psycopg.connect(url, password=password, autocommit=True) as connection:
        _lock(connection)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations"
            " (name text PRIMARY KEY, ran_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {name for (name,) in connection.execute("SELECT name FROM schema_migrations")}
        folder = files("order_engine.adapters.postgres") / "migrations"
        for file in sorted(
            (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
        ):
            if file.name in done:
                continue
            try:
                _run(connection, file)
            except psycopg.Error as error:
                if error.sqlstate != _NOT_YET:
                    raise
                continue  # the next run tries again
            ran.append(file.name)
    return ran


def _lock(connection: psycopg.Connection) -> None:
    """Wait for other migrations. Not in a statement: concurrent index creation would wait for the statement to end."""
    while (row := connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()) and not row[0]:
        time.sleep(_LOCK_SECONDS)


def _run(connection: psycopg.Connection, file: Traversable) -> None:
    done = "INSERT INTO schema_migrations (name) VALUES (%s)"
    if file.name.endswith(".concurrently.sql"):
        for statement in file.read_text().split(";\n"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(done, (file.name,))
        return
    for attempt in range(1, _LOCK_ATTEMPTS + 1):
        try:
            with connection.transaction():
                # While it waits for a table's lock, everybody else who uses the table waits behind it.
                connection.execute("SET LOCAL lock_timeout = '1s'")
                connection.execute(file.read_text())
                connection.execute(done, (file.name,))
        except psycopg.errors.LockNotAvailable:
            if attempt == _LOCK_ATTEMPTS:
                raise
            time.sleep(1)  # for those who have waited
        else:
            return
