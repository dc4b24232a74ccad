"""The permissions of the functions' roles in Postgres: what their statements need, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from order_engine.adapters.postgres.database import parse_statements, statement_named
from order_engine.adapters.postgres.roles import EXECUTION, FRONT_DOOR, MAINTENANCE
from testing.postgres import TestServer, url_of

SQL = Path("layers/order_engine/order_engine/adapters/postgres/sql")
STATEMENTS = {f"{file.stem}.{name}" for file in SQL.glob("*.sql") for name in parse_statements(file.read_text())}

SETTLING = {
    "orders.claim",
    "orders.events",
    "orders.record",
    "triggers.wake",
    "mock_chain.send",
    "mock_chain.landings",
}
CANCELLING = {"orders.open_ids", "orders.cancel"}
USED = {
    FRONT_DOOR: {
        "orders.place",
        "orders.placed_before",
        "orders.mark_due",
        "orders.get",
        "orders.page",
        "orders.page_of_status",
        "orders.ping",
        "orders.replace",
        "triggers.set_switch",
        "triggers.clear_switch",
        "triggers.wake",
        "mock_chain.listings",
    }
    | CANCELLING,
    EXECUTION: SETTLING | {"mock_chain.listings"},
    MAINTENANCE: SETTLING
    | CANCELLING
    | {
        "orders.due",
        "orders.extend_watch",
        "orders.purge_finished",
        "orders.mark_due",
        "triggers.resting",
        "triggers.activate",
        "triggers.tick",
        "triggers.waiting",
        "triggers.expire",
        "triggers.fall_asleep",
        "triggers.end_switch",
        "mock_chain.listings",
    },
}


@pytest.fixture(params=USED)
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def session(postgres_server: TestServer, role: str) -> Iterator[psycopg.Connection]:
    """A connection of the role to the migrated database itself, as copies of it lack its database permissions."""
    with psycopg.connect(url_of(role, postgres_server.url), autocommit=True) as session:
        yield session


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE friend",
        "CREATE TABLE mock_chain.mine (id int)",
        "ALTER TABLE orders ADD COLUMN mine int",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "ALTER ROLE CURRENT_USER CONNECTION LIMIT -1",
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
def test_no_role_has_further_permissions(session: psycopg.Connection, statement: LiteralString) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute(statement)


def refusal(connection: psycopg.Connection, statement: str) -> bytes:
    """The error of Postgres for a statement: planning it, without values, checks the permissions."""
    numbers: dict[str, int] = {}

    def parameter(match: re.Match[str]) -> str:
        return f"${numbers.setdefault(match[1], len(numbers) + 1)}"

    text = re.sub(r"%\((\w+)\)s", parameter, statement)
    return connection.pgconn.exec_(f"EXPLAIN (GENERIC_PLAN) {text}".encode()).error_message


def test_every_statement_of_the_roles_functions_is_permitted(session: psycopg.Connection, role: str) -> None:
    refused = {name: refusal(session, statement_named(name)) for name in USED[role]}
    assert not {name: error for name, error in refused.items() if error}


def test_every_statement_is_used_by_a_role() -> None:
    assert set.union(*USED.values()) == STATEMENTS


@pytest.mark.parametrize("role", [FRONT_DOOR])
@pytest.mark.parametrize("name", ["orders.claim", "orders.record", "orders.purge_finished", "mock_chain.send"])
def test_front_doors_cannot_execute_or_delete_orders(session: psycopg.Connection, name: str) -> None:
    assert b"permission denied for" in refusal(session, statement_named(name))


def test_the_role_has_only_the_expected_grants_and_owns_nothing(session: psycopg.Connection, role: str) -> None:
    granted = session.execute(
        "SELECT table_schema || '.' || table_name, array_agg(privilege_type::text ORDER BY privilege_type)"
        " FROM information_schema.role_table_grants WHERE grantee = current_user GROUP BY 1"
    ).fetchall()
    expected = {
        FRONT_DOOR: {
            "public.orders": ["INSERT", "SELECT"],
            "public.order_events": ["INSERT", "SELECT"],
            "public.dead_mans_switches": ["DELETE", "INSERT", "SELECT", "UPDATE"],
            "public.trigger_state": ["SELECT", "UPDATE"],
            "mock_chain.listings": ["SELECT"],
        },
        EXECUTION: {
            "public.orders": ["SELECT", "UPDATE"],
            "public.order_events": ["INSERT", "SELECT"],
            "public.trigger_state": ["SELECT", "UPDATE"],
            "mock_chain.transactions": ["INSERT", "SELECT"],
            "mock_chain.listings": ["SELECT"],
        },
        MAINTENANCE: {
            "public.orders": ["DELETE", "SELECT", "UPDATE"],
            "public.order_events": ["DELETE", "INSERT", "SELECT"],
            "public.dead_mans_switches": ["DELETE", "SELECT"],
            "public.trigger_state": ["SELECT", "UPDATE"],
            "mock_chain.transactions": ["INSERT", "SELECT"],
            "mock_chain.listings": ["SELECT"],
        },
    }
    assert dict(granted) == expected[role]
    columns = session.execute(
        "SELECT DISTINCT column_name::text FROM information_schema.column_privileges"
        " WHERE grantee = current_user AND table_name = 'orders' AND privilege_type = 'UPDATE'"
    ).fetchall()
    # What a worker claims with and signs is not for front doors.
    assert {"attempt", "transaction", "amount_out"}.isdisjoint(name for (name,) in columns) == (role == FRONT_DOOR)
    owned = session.execute("SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = current_user")
    assert owned.fetchall() == []
    assert (
        session.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        == (False,) * 4
    )
