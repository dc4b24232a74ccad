"""A real Postgres for tests: one server a session, and for each test a fresh copy of the migrated database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from local.postgres import Postgres
from order_engine.adapters.postgres.migrate import migrate


class TestServer:
    """A Postgres server whose database `orders` is migrated and never written to."""

    __test__ = False

    def __init__(self, directory: Path) -> None:
        self._postgres = Postgres(directory)
        self.url = self._postgres.start()
        migrate(self.url)
        self.functions_url = self._postgres.url()

    def stop(self) -> None:
        """Stop the server."""
        self._postgres.stop()

    @contextmanager
    def fresh_copy(self) -> Iterator[str]:
        """The URL of a database of one's own."""
        name = sql.Identifier(f"test_{uuid4().hex}")
        with psycopg.connect(f"{self.url.rsplit('/', 1)[0]}/postgres", autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE orders").format(name))
            try:
                yield f"{self.url.rsplit('/', 1)[0]}/{name.as_string()[1:-1]}"
            finally:
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
