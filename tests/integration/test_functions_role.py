"""What the functions' user may do in Postgres: read and write rows of the engine's tables, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from order_engine.adapters.postgres.database import parse_statements, statement_named
from tests.postgres import TestServer

SQL = Path("layers/order_engine/order_engine/adapters/postgres/sql")
STATEMENTS = [f"{file.stem}.{name}" for file in SQL.glob("*.sql") for name in parse_statements(file.read_text())]


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
        "UPDATE order_events SET status = 'confirmed'",
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


def refusal(connection: psycopg.Connection, statement: str) -> bytes:
    """What Postgres has against a statement: without values it plans it, and checks permissions."""
    numbers: dict[str, int] = {}

    def parameter(match: re.Match[str]) -> str:
        return f"${numbers.setdefault(match[1], len(numbers) + 1)}"

    text = re.sub(r"%\((\w+)\)s", parameter, statement)
    return connection.pgconn.exec_(f"EXPLAIN (GENERIC_PLAN) {text}".encode()).error_message


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_of_the_engine_is_allowed(as_the_functions: psycopg.Connection, name: str) -> None:
    assert not refusal(as_the_functions, statement_named(name))


def test_a_statement_that_is_not_would_be_seen(as_the_functions: psycopg.Connection) -> None:
    statement = "UPDATE order_events SET status = %(status)s WHERE order_id = %(id)s"
    assert b"permission denied for table order_events" in refusal(as_the_functions, statement)


def test_it_owns_nothing_and_has_no_rights_beyond_those_rows(as_the_functions: psycopg.Connection) -> None:
    granted = as_the_functions.execute(
        "SELECT table_schema || '.' || table_name, array_agg(privilege_type::text ORDER BY privilege_type)"
        " FROM information_schema.role_table_grants WHERE grantee = current_user GROUP BY 1"
    ).fetchall()
    assert dict(granted) == {
        "public.orders": ["DELETE", "INSERT", "SELECT", "UPDATE"],
        "public.order_events": ["DELETE", "INSERT", "SELECT"],
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
