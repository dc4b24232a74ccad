"""What the functions' user may do in Postgres: read and write rows of the engine's tables, and nothing else."""

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest

from tests.postgres import TestServer


@pytest.fixture
def as_the_functions(postgres_server: TestServer) -> Iterator[psycopg.Connection]:
    """A connection of the functions' user to the migrated database; copies of it lose its own permissions."""
    with psycopg.connect(postgres_server.functions_url, autocommit=True) as ours:
        yield ours


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE friend",
        "CREATE TABLE mock_chain.mine (id int)",
        "ALTER TABLE orders ADD COLUMN mine int",
        "ALTER ROLE order_engine SUPERUSER",
        "DROP TABLE orders",
        "TRUNCATE orders CASCADE",
        "DELETE FROM orders",
        "UPDATE order_events SET status = 'confirmed'",
        "DELETE FROM order_events",
        "UPDATE mock_chain.transactions SET outcome = 'filled'",
        "DELETE FROM mock_chain.transactions",
        "SELECT * FROM schema_migrations",
        "INSERT INTO schema_migrations (name) VALUES ('0009_mine.sql')",
        "SELECT * FROM pg_authid",
        "COPY orders TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_what_it_may_not(as_the_functions: psycopg.Connection, statement: LiteralString) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_the_functions.execute(statement)


def test_it_owns_nothing_and_has_no_rights_beyond_those_rows(as_the_functions: psycopg.Connection) -> None:
    granted = as_the_functions.execute(
        "SELECT table_schema || '.' || table_name, array_agg(privilege_type::text ORDER BY privilege_type)"
        " FROM information_schema.role_table_grants WHERE grantee = current_user GROUP BY 1"
    ).fetchall()
    assert dict(granted) == {
        "public.orders": ["INSERT", "SELECT", "UPDATE"],
        "public.order_events": ["INSERT", "SELECT"],
        "mock_chain.transactions": ["INSERT", "SELECT"],
    }
    owned = as_the_functions.execute("SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = current_user")
    assert owned.fetchall() == []
    assert (
        as_the_functions.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        == (False,) * 4
    )
