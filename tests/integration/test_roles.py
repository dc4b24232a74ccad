"""The roles' connection limits and timeouts, and the retirement of the previous role."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import pq, sql

from localcloud.postgres import Postgres
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.migrate import migrate
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.postgres.roles import EXECUTION, FRONT_DOOR, MAINTENANCE, configure_roles, connection_limits
from order_engine.domain.errors import DatabaseUnavailable, StatementRejected
from testing.engine import new_order, placed
from testing.polling import eventually
from testing.postgres import TestServer, role_settings, url_of

pytestmark = pytest.mark.security

MIGRATIONS = Path("layers/order_engine/order_engine/adapters/postgres/migrations")


def sessions(owner_url: str, role: str, condition: LiteralString = "true") -> int:
    """How many sessions the role has on the server."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        query = sql.SQL("SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND {}")
        row = owner.execute(query.format(sql.SQL(condition)), (role,)).fetchone()
    assert row
    return int(row[0])


async def can_place(url: str) -> bool:
    """Whether an order can be placed through this URL."""
    database = Database(url)
    try:
        await placed(OrderStore(database), new_order())
    except (DatabaseUnavailable, StatementRejected):
        return False
    finally:
        await database.close()
    return True


# ---- Limits


@pytest.mark.parametrize(("maximum", "workers"), [(100, 20), (400, 20), (400, 100), (73, 20), (5000, 500)])
def test_the_connection_limits_leave_some_connections_free(maximum: int, workers: int) -> None:
    limits = connection_limits(maximum, workers)
    assert maximum - sum(limits.values()) >= max(15, maximum * 15 / 100)
    assert limits[EXECUTION] == 2 * workers
    assert min(limits.values()) > 0


def test_too_few_connections_are_rejected() -> None:
    with pytest.raises(ValueError, match="40 leave -3 connections"):
        connection_limits(100, 40)


async def test_front_doors_cannot_take_the_connections_of_the_workers(
    postgres_server: TestServer, database_url: str
) -> None:
    async def connect(role: str) -> None:
        database = Database(url_of(role, database_url))
        try:
            await database.fetch("orders.ping")
        finally:
            await database.close()

    configure_roles(database_url, None, role_settings(database_url))  # other tests may have set other limits
    for role in (FRONT_DOOR, EXECUTION):
        eventually(lambda role=role: sessions(database_url, role) == 0, "earlier tests have disconnected")  # type: ignore[misc]
    with ExitStack() as held:
        for _ in range(connection_limits(100, 20)[FRONT_DOOR]):
            held.enter_context(psycopg.connect(url_of(FRONT_DOOR, database_url)))
        with pytest.raises(DatabaseUnavailable):
            await connect(FRONT_DOOR)
        for _ in range(connection_limits(100, 20)[EXECUTION]):
            held.enter_context(psycopg.connect(url_of(EXECUTION, database_url)))
        await connect(MAINTENANCE)
        migrate(database_url)


def test_the_limits_are_updated_without_a_migration_and_capped_by_the_server(
    postgres_server: TestServer, database_url: str
) -> None:
    def in_force() -> dict[str, int]:
        with psycopg.connect(database_url) as owner:
            rows = owner.execute("SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname LIKE 'order_engine%'")
            return dict(rows.fetchall())

    def configure(maximum: int, workers: int) -> dict[str, int]:
        settings = role_settings(database_url, max_connections=maximum, execution_concurrency=workers)
        return configure_roles(database_url, None, settings)

    try:
        assert migrate(database_url) == []
        assert configure(200, 30) == in_force() == connection_limits(200, 30)
        with pytest.raises(ValueError, match="leave"):
            configure(60, 30)
        assert in_force() == connection_limits(200, 30)
        assert configure(1000, 30) == in_force() == connection_limits(300, 30)  # capped by the server's own limit
    finally:
        assert configure(100, 20) == in_force()


# ---- Timeouts


@pytest.mark.parametrize(("role", "seconds"), [(FRONT_DOOR, 2), (EXECUTION, 4), (MAINTENANCE, 9)])
def test_sessions_have_the_timeouts_of_their_role(postgres_server: TestServer, role: str, seconds: int) -> None:
    with psycopg.connect(url_of(role, postgres_server.url)) as session:
        row = session.execute(
            "SELECT current_setting('statement_timeout'), current_setting('idle_session_timeout'),"
            " current_setting('client_connection_check_interval')"
        ).fetchone()
    assert row == (f"{seconds}s", "1min", "1s")


async def test_statements_work_after_an_idle_session_was_terminated(database_url: str) -> None:
    database = Database(f"{url_of(FRONT_DOOR, database_url)}?options=-cidle_session_timeout%3D50")
    orders = OrderStore(database)
    ids = []
    for _ in range(3):
        order = await placed(orders, new_order())
        ids.append(order.id)
        await asyncio.to_thread(
            eventually, lambda: sessions(database_url, FRONT_DOOR) == 0, "Postgres terminates the idle session"
        )
    found = await orders.page("alice", None, None, 10)
    assert [order.id for order in found] == ids[::-1]
    await database.close()


@pytest.fixture
def locked(database_url: str) -> Iterator[psycopg.Connection]:
    """The owner locks the table of orders, so that placing one has to wait."""
    with psycopg.connect(database_url) as owner:
        owner.execute("LOCK TABLE orders")
        yield owner


def insert_and_hang(session: psycopg.Connection) -> None:
    """Send a statement that waits for the lock, without reading its result."""
    session.pgconn.nonblocking = 1
    session.pgconn.send_query(
        b"INSERT INTO orders (account, type, token_in, token_out, amount_in, slippage_bps, watchdog_at)"
        b" VALUES ('hung', 'market', 'SOL', 'USDC', 1, 50, now())"
    )
    assert session.pgconn.flush() == 0


def hung_orders(database_url: str) -> int:
    with psycopg.connect(database_url) as owner:
        return len(owner.execute("SELECT FROM orders WHERE account = 'hung'").fetchall())


def test_the_server_cancels_a_hanging_statement_of_a_front_door(database_url: str, locked: psycopg.Connection) -> None:
    with closing(psycopg.connect(url_of(FRONT_DOOR, database_url), autocommit=True)) as frozen:
        insert_and_hang(frozen)
        eventually(lambda: sessions(database_url, FRONT_DOOR, "wait_event_type = 'Lock'"), "the statement waits")
        eventually(lambda: sessions(database_url, FRONT_DOOR, "state = 'idle'"), "Postgres cancels the statement")
        locked.rollback()
        result = frozen.pgconn.get_result()
        assert result
        assert result.error_field(pq.DiagnosticField.SQLSTATE) == b"57014"
    assert hung_orders(database_url) == 0


async def test_a_canceled_statement_of_a_front_door_is_known_to_have_stored_nothing(
    database_url: str, locked: psycopg.Connection
) -> None:
    """The statement timeout is shorter than the function's time limit, after which the outcome would be unknown."""
    database = Database(url_of(FRONT_DOOR, database_url), timedelta(minutes=1))
    with pytest.raises(DatabaseUnavailable) as failed:
        await placed(OrderStore(database), new_order(account="hung"))
    await database.close()
    assert isinstance(failed.value.__cause__, psycopg.errors.QueryCanceled)
    assert not failed.value.may_have_run
    locked.rollback()
    assert hung_orders(database_url) == 0


def test_the_statement_of_a_disconnected_client_is_canceled(database_url: str, locked: psycopg.Connection) -> None:
    without_timeout = f"{url_of(FRONT_DOOR, database_url)}?options=-cstatement_timeout%3D0"
    session = psycopg.connect(without_timeout, autocommit=True)
    insert_and_hang(session)
    eventually(lambda: sessions(database_url, FRONT_DOOR, "wait_event_type = 'Lock'"), "the statement waits")
    session.close()
    eventually(lambda: sessions(database_url, FRONT_DOOR) == 0, "Postgres terminates the session")
    locked.rollback()
    assert hung_orders(database_url) == 0


# ---- The previous role, which all functions shared


@pytest.fixture(params=["a superuser", "the owner on RDS"])
def owner_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The owner of a separate server: on RDS no role is a superuser, and the role rds_iam exists."""
    server = Postgres(tmp_path, database="orders", owner="orders_owner")
    url = server.start()
    if request.param == "the owner on RDS":
        with psycopg.connect(url, autocommit=True) as superuser:
            superuser.execute("CREATE ROLE rds_iam")
            superuser.execute("CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'master'")
            superuser.execute("GRANT rds_iam TO master WITH ADMIN OPTION, INHERIT FALSE, SET FALSE")
            superuser.execute("ALTER DATABASE orders OWNER TO master")
        url = urlsplit(url)._replace(netloc=f"master:master@{urlsplit(url).netloc.rpartition('@')[2]}").geturl()
    yield url
    server.stop()


def deploy_previous_release(url: str) -> str:
    """Migrate to the last schema with a single role for all functions; returns the URL for that role."""
    with psycopg.connect(url) as owner:
        owner.execute("CREATE TABLE schema_migrations (name text PRIMARY KEY, ran_at timestamptz DEFAULT now())")
        for file in sorted(MIGRATIONS.glob("000[123]_*.sql")):
            owner.execute(file.read_text())
            owner.execute("INSERT INTO schema_migrations (name) VALUES (%s)", (file.name,))
        owner.execute("ALTER ROLE order_engine PASSWORD 'previous'")
    return urlsplit(url)._replace(netloc=f"order_engine:previous@{urlsplit(url).netloc.rpartition('@')[2]}").geturl()


async def test_the_previous_role_works_until_its_functions_have_disconnected(owner_url: str) -> None:
    previous = deploy_previous_release(owner_url)
    with psycopg.connect(previous):  # a function of the previous release
        ran = migrate(owner_url)
        configure_roles(owner_url, None, role_settings(owner_url))
        assert "0005_roles_retired.sql" not in ran
        assert await can_place(previous)
        assert await can_place(url_of(FRONT_DOOR, owner_url))
    eventually(lambda: sessions(owner_url, "order_engine") == 0, "the previous release has disconnected")
    assert migrate(owner_url) == ["0005_roles_retired.sql"]
    with psycopg.connect(owner_url) as owner:
        assert not owner.execute("SELECT FROM pg_roles WHERE rolname = 'order_engine'").fetchall()
    configure_roles(owner_url, None, role_settings(owner_url))
    assert await can_place(url_of(FRONT_DOOR, owner_url))


async def test_a_previous_role_that_another_database_still_needs_loses_its_permissions(owner_url: str) -> None:
    other_url = urlsplit(owner_url)._replace(path="/other").geturl()
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("CREATE DATABASE other")
    previous = deploy_previous_release(owner_url)
    deploy_previous_release(other_url)
    assert "0005_roles_retired.sql" in migrate(owner_url)
    assert not await can_place(previous)
    with psycopg.connect(owner_url) as owner:
        for table in ("orders", "order_events", "mock_chain.transactions"):
            held = owner.execute("SELECT has_any_column_privilege('order_engine', %s, 'SELECT')", (table,)).fetchone()
            assert held == (False,)
    migrate(other_url)
    with psycopg.connect(owner_url) as owner:
        assert not owner.execute("SELECT FROM pg_roles WHERE rolname = 'order_engine'").fetchall()
