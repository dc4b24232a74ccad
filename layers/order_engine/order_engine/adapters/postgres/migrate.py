"""Schema migrations: each file in migrations/ runs once, in order, in its own transaction."""

from importlib.resources import files

import psycopg

LOCK = 0x6F72646572  # "order" in ASCII; of two concurrent migrations, one waits for the other
_NOT_YET = "OE001"  # raised by a migration while the previous release still uses what it removes


def migrate(url: str, password: str | None = None) -> list[str]:
    """Bring the database of `url` up to date as its owner; returns the names of the migrations that ran.

    `password` is the owner's, if it is not in the URL. Raises psycopg.Error; a failed migration is rolled back, and
    later ones are not run. A migration that raises SQLSTATE OE001 is postponed to the next run.
    """
    ran = []
    with psycopg.connect(url, password=password, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
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
                with connection.transaction():
                    connection.execute(file.read_text())
                    connection.execute("INSERT INTO schema_migrations (name) VALUES (%s)", (file.name,))
            except psycopg.Error as error:
                if error.sqlstate != _NOT_YET:
                    raise
                continue  # the next run tries again
            ran.append(file.name)
    return ran
