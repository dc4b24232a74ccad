"""The roles' limits and timeouts: nobody takes another's connections, and nothing of a client that is gone is left."""

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
from tests.engine import LIFETIME, WATCHDOG, new_order
from tests.polling import eventually
from tests.postgres import TestServer, role_settings, url_of

MIGRATIONS = Path("layers/order_engine/order_engine/adapters/postgres/migrations")


def sessions(owner_url: str, role: str, condition: LiteralString = "true") -> int:
    """How many sessions the role has on the server."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        query = sql.SQL("SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND {}")
        row = owner.execute(query.format(sql.SQL(condition)), (role,)).fetchone()
    assert row
    return int(row[0])


def can_place(url: str) -> bool:
    """Whether an order can be placed through this URL."""

    async def place() -> None:
        database = Database(url)
        try:
            await OrderStore(database).place(new_order(), lifetime=LIFETIME, watchdog=WATCHDOG)
        finally:
            await database.close()

    try:
        asyncio.run(place())
    except (DatabaseUnavailable, StatementRejected):
        return False
    return True


# ---- Limits


@pytest.mark.parametrize(("maximum", "workers"), [(100, 20), (400, 20), (400, 100), (70, 20), (5000, 500)])
def test_the_limits_add_up_and_leave_some_free(maximum: int, workers: int) -> None:
    limits = connection_limits(maximum, workers)
    assert maximum - sum(limits.values()) >= max(15, maximum * 15 / 100)
    assert limits[EXECUTION] == 2 * workers
    assert min(limits.values()) > 0


def test_too_few_connections_for_all_are_refused() -> None:
    with pytest.raises(
        ValueError,
        match="40 leave 0 connections",
    ):
        connection_limits(100, 40)


def test_front_doors_cannot_take_the_workers_connections(postgres_server: TestServer, database_url: str) -> None:
    async def reachable(role: str) -> None:
        database = Database(url_of(role, database_url))
        try:
            await database.fetch("orders.ping")
        finally:
            await database.close()

    with ExitStack() as held:
        for _ in range(connection_limits(100, 20)[FRONT_DOOR]):
            held.enter_context(psycopg.connect(url_of(FRONT_DOOR, database_url)))
        with pytest.raises(DatabaseUnavailable):
            asyncio.run(reachable(FRONT_DOOR))
        for _ in range(connection_limits(100, 20)[EXECUTION]):
            held.enter_context(psycopg.connect(url_of(EXECUTION, database_url)))
        asyncio.run(reachable(MAINTENANCE))
        migrate(database_url)


def test_limits_are_set_anew_though_no_migration_is_and_follow_the_servers_own(
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
        assert configure(1000, 30) == in_force() == connection_limits(300, 30)  # the server takes no more
    finally:
        assert configure(100, 20) == in_force()


# ---- Timeouts


@pytest.mark.parametrize(("role", "seconds"), [(FRONT_DOOR, 2), (EXECUTION, 4), (MAINTENANCE, 9)])
def test_sessions_have_their_roles_timeouts(postgres_server: TestServer, role: str, seconds: int) -> None:
    with psycopg.connect(url_of(role, postgres_server.url)) as session:
        row = session.execute(
            "SELECT current_setting('statement_timeout'), current_setting('idle_session_timeout'),"
            " current_setting('client_connection_check_interval')"
        ).fetchone()
    assert row == (f"{seconds}s", "1min", "1s")


def test_an_idle_session_is_ended_and_the_next_statement_works(database_url: str) -> None:
    async def scenario() -> None:
        database = Database(f"{url_of(FRONT_DOOR, database_url)}?options=-cidle_session_timeout%3D50")
        orders = OrderStore(database)
        placed = []
        for _ in range(3):
            order, _ = await orders.place(new_order(), lifetime=LIFETIME, watchdog=WATCHDOG)
            placed.append(order.id)
            await asyncio.to_thread(
                eventually, lambda: sessions(database_url, FRONT_DOOR) == 0, "Postgres has ended the idle session"
            )
        found = await orders.page("alice", None, None, 10)
        assert [order.id for order in found] == placed[::-1]
        await database.close()

    asyncio.run(scenario())


@pytest.fixture
def locked(database_url: str) -> Iterator[psycopg.Connection]:
    """The owner holds a lock on the orders, so that placing one waits."""
    with psycopg.connect(database_url) as owner:
        owner.execute("LOCK TABLE orders")
        yield owner


def insert_and_hang(session: psycopg.Connection) -> None:
    """Send a statement that waits for the lock, and never listen for what becomes of it."""
    session.pgconn.nonblocking = 1
    session.pgconn.send_query(
        b"INSERT INTO orders (account, type, token_in, token_out, amount_in, slippage_bps, watchdog_at)"
        b" VALUES ('hung', 'market', 'SOL', 'USDC', 1, 50, now())"
    )
    assert session.pgconn.flush() == 0


def hung_orders(database_url: str) -> int:
    with psycopg.connect(database_url) as owner:
        return len(owner.execute("SELECT FROM orders WHERE account = 'hung'").fetchall())


def test_a_front_doors_statement_that_hangs_ends_on_the_server(database_url: str, locked: psycopg.Connection) -> None:
    with closing(psycopg.connect(url_of(FRONT_DOOR, database_url), autocommit=True)) as frozen:
        insert_and_hang(frozen)
        eventually(lambda: sessions(database_url, FRONT_DOOR, "wait_event_type = 'Lock'"), "the statement waits")
        eventually(lambda: sessions(database_url, FRONT_DOOR, "state = 'idle'"), "Postgres has given it up")
        locked.rollback()
        result = frozen.pgconn.get_result()
        assert result
        assert result.error_field(pq.DiagnosticField.SQLSTATE) == b"57014"
    assert hung_orders(database_url) == 0


def test_a_front_door_hears_that_nothing_is_stored_before_it_gives_up(
    database_url: str, locked: psycopg.Connection
) -> None:
    """Half a second later it would not know."""

    async def place() -> None:
        database = Database(url_of(FRONT_DOOR, database_url), timedelta(minutes=1))
        try:
            await OrderStore(database).place(new_order(account="hung"), lifetime=LIFETIME, watchdog=WATCHDOG)
        finally:
            await database.close()

    with pytest.raises(DatabaseUnavailable) as refused:
        asyncio.run(place())
    assert isinstance(refused.value.__cause__, psycopg.errors.QueryCanceled)
    assert not refused.value.may_have_run
    locked.rollback()
    assert hung_orders(database_url) == 0


def test_the_statement_of_a_client_that_is_gone_ends(database_url: str, locked: psycopg.Connection) -> None:
    without_timeout = f"{url_of(FRONT_DOOR, database_url)}?options=-cstatement_timeout%3D0"
    session = psycopg.connect(without_timeout, autocommit=True)
    insert_and_hang(session)
    eventually(lambda: sessions(database_url, FRONT_DOOR, "wait_event_type = 'Lock'"), "the statement waits")
    session.close()
    eventually(lambda: sessions(database_url, FRONT_DOOR) == 0, "Postgres has ended the session")
    locked.rollback()
    assert hung_orders(database_url) == 0


# ---- The role that all functions had before


@pytest.fixture(params=["a superuser", "the owner on RDS"])
def owner_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A server of one's own, and its owner: on RDS nobody is a superuser, and the role rds_iam is there."""
    server = Postgres(tmp_path)
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


def deploy_before(url: str) -> str:
    """Migrate as far as there was one role for all functions; its URL."""
    with psycopg.connect(url) as owner:
        owner.execute("CREATE TABLE schema_migrations (name text PRIMARY KEY, ran_at timestamptz DEFAULT now())")
        for file in sorted(MIGRATIONS.glob("000[123]_*.sql")):
            owner.execute(file.read_text())
            owner.execute("INSERT INTO schema_migrations (name) VALUES (%s)", (file.name,))
        owner.execute("ALTER ROLE order_engine PASSWORD 'before'")
    return urlsplit(url)._replace(netloc=f"order_engine:before@{urlsplit(url).netloc.rpartition('@')[2]}").geturl()


def test_the_role_of_the_version_before_works_until_its_functions_are_gone(owner_url: str) -> None:
    before = deploy_before(owner_url)
    with psycopg.connect(before):  # a function of the version before
        ran = migrate(owner_url)
        configure_roles(owner_url, None, role_settings(owner_url))
        assert ran[-1] == "0005_roles.sql"
        assert can_place(before)
        assert can_place(url_of(FRONT_DOOR, owner_url))
    eventually(lambda: sessions(owner_url, "order_engine") == 0, "the version before is gone")
    assert migrate(owner_url) == ["0005_roles_retired.sql"]
    with psycopg.connect(owner_url) as owner:
        assert not owner.execute("SELECT FROM pg_roles WHERE rolname = 'order_engine'").fetchall()
    configure_roles(owner_url, None, role_settings(owner_url))
    assert can_place(url_of(FRONT_DOOR, owner_url))


def test_where_another_database_needs_it_the_role_before_can_do_nothing_here_nor_log_in(owner_url: str) -> None:
    other_url = urlsplit(owner_url)._replace(path="/other").geturl()
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("CREATE DATABASE other")
    before = deploy_before(owner_url)
    deploy_before(other_url)
    assert migrate(owner_url)[-1] == "0005_roles_retired.sql"
    assert not can_place(before)
    with psycopg.connect(owner_url) as owner:
        for table in ("orders", "order_events", "mock_chain.transactions"):
            held = owner.execute("SELECT has_any_column_privilege('order_engine', %s, 'SELECT')", (table,)).fetchone()
            assert held == (False,)
    migrate(other_url)
    with psycopg.connect(owner_url) as owner:
        assert not owner.execute("SELECT FROM pg_roles WHERE rolname = 'order_engine'").fetchall()
