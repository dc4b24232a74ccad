"""A real Postgres for tests: one server per session, and a new copy of the migrated database for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from localcloud.postgres import Postgres, address, functions_password
from order_engine.adapters.postgres.migrate import migrate
from order_engine.adapters.postgres.roles import RoleSettings, configure_roles


class TestServer:
    """A Postgres server. Its migrated database `orders` is never written to, only copied."""

    __test__ = False

    def __init__(self, directory: Path, *, fsync: bool = True) -> None:
        """Without `fsync`, commits and copies are faster, and the data would not survive a crash of the machine."""
        self._postgres = Postgres(directory, database="orders", owner="orders_owner")
        self.url = self._postgres.start()
        if not fsync:
            with psycopg.connect(self.url, autocommit=True) as owner:
                owner.execute("ALTER SYSTEM SET fsync = off")
                owner.execute("SELECT pg_reload_conf()")
        migrate(self.url)
        configure_roles(self.url, None, role_settings(self.url))

    def stop(self) -> None:
        """Stop the server."""
        self._postgres.stop()

    @contextmanager
    def fresh_copy(self) -> Iterator[str]:
        """The URL of a new copy of the database, which is dropped at the end."""
        name = sql.Identifier(f"test_{uuid4().hex}")
        with psycopg.connect(f"{self.url.rsplit('/', 1)[0]}/postgres", autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE orders").format(name))
            try:
                yield f"{self.url.rsplit('/', 1)[0]}/{name.as_string()[1:-1]}"
            finally:
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def role_settings(owner_url: str, *, max_connections: int = 100, execution_concurrency: int = 20) -> RoleSettings:
    """Settings of the functions' roles on a test server."""
    return RoleSettings(
        max_connections=max_connections,
        execution_concurrency=execution_concurrency,
        idle_session_seconds=60,
        password=functions_password(owner_url),
    )


def url_of(role: str, owner_url: str) -> str:
    """The URL of the same database for one of the functions' roles."""
    return f"postgresql://{role}:{functions_password(owner_url)}@{address(owner_url)}"
