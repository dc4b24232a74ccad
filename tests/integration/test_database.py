"""The connection, the statements and the schema."""

import asyncio
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import DictRow

from order_engine.adapters.postgres.database import Database, parse_statements, statement_named
from order_engine.adapters.postgres.migrate import migrate
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.domain.claims import Decision
from order_engine.domain.errors import DatabaseUnavailable, OutcomeUnknown, StatementRejected
from testing.engine import Engine, new_order, placed
from testing.postgres import TestServer

POSTGRES = Path("layers/order_engine/order_engine/adapters/postgres")
SQL, MIGRATIONS = POSTGRES / "sql", POSTGRES / "migrations"


def test_statements_are_split_at_their_names() -> None:
    assert parse_statements("-- about\n-- name: one\nSELECT 1;\n\n-- name: two\n-- why\nSELECT 2;\n") == {
        "one": "SELECT 1;",
        "two": "-- why\nSELECT 2;",
    }


@pytest.mark.parametrize("file", [file.stem for file in SQL.glob("*.sql")])
def test_every_statement_has_a_unique_name(file: str) -> None:
    text = (SQL / f"{file}.sql").read_text()
    statements = parse_statements(text)
    assert len(statements) == text.count("-- name:")
    assert all(statement_named(f"{file}.{name}") for name in statements)


async def test_a_connection_that_the_server_closed_is_replaced_without_an_error(engine: Engine) -> None:
    ours = " FROM pg_stat_activity WHERE application_name = 'order-engine' AND datname = current_database()"
    await engine.orders.ping()
    for _ in range(3):
        while engine.sql("SELECT pg_terminate_backend(pid)" + ours):
            await asyncio.sleep(0.01)
        await engine.orders.ping()


async def test_a_statement_cut_off_by_the_server_has_an_unknown_outcome(engine: Engine) -> None:
    with psycopg.connect(engine.url) as holder:
        holder.execute("LOCK TABLE orders")
        waiting = asyncio.create_task(engine.submitter().submit(new_order()))
        blocked: list[DictRow] = []
        while not blocked:
            await asyncio.sleep(0.01)
            blocked = engine.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
        with pytest.raises(OutcomeUnknown) as caught:
            await waiting
        assert str(caught.value.order_id) in caught.value.message
    assert len(await engine.place()) == 1


async def test_a_statement_did_not_run_if_no_connection_could_be_opened() -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        await Database("postgresql://nobody@127.0.0.1:1/none").fetch("orders.ping")
    assert not caught.value.may_have_run


async def test_a_statement_that_exceeds_the_time_limit_may_have_run(engine: Engine) -> None:
    impatient = Database(engine.url, timedelta(seconds=0.2))
    await impatient.fetch("orders.ping")
    with psycopg.connect(engine.url) as holder:
        holder.execute("LOCK TABLE orders")
        with pytest.raises(OutcomeUnknown) as caught:
            await engine.submitter(store=OrderStore(impatient)).submit(new_order())
    # It did run once the lock was released, and stored the order under the id in the error.
    order_id = caught.value.order_id
    while not engine.sql("SELECT FROM orders WHERE id = %s", order_id):
        await asyncio.sleep(0.01)
    await impatient.close()


async def test_a_statement_that_postgres_canceled_did_not_run(engine: Engine) -> None:
    impatient = Database(f"{engine.url}?options=-c%20statement_timeout%3D100ms")
    with psycopg.connect(engine.url) as holder:
        holder.execute("LOCK TABLE orders")
        with pytest.raises(DatabaseUnavailable) as caught:
            await placed(OrderStore(impatient), new_order())
    assert not caught.value.may_have_run
    assert engine.sql("SELECT count(*) FROM orders") == [{"count": 0}]
    await impatient.close()


async def test_a_value_that_postgres_rejects_does_not_count_as_an_outage(engine: Engine) -> None:
    with pytest.raises(StatementRejected):
        await engine.place(account="a\0b")
    assert len(await engine.place()) == 1, "the connection still works"


async def test_a_prepared_statement_works_after_a_migration(engine: Engine) -> None:
    await engine.claim(*(await engine.place(3)))
    with psycopg.connect(engine.url) as migrating:
        migrating.execute("ALTER TABLE orders ADD COLUMN added int")
    (order,) = await engine.place()
    (claim,) = await engine.claim(order)
    assert claim.decision is Decision.CLAIMED


@pytest.mark.parametrize(
    ("host", "prepares"),
    [("db.abc.eu-west-1.rds.amazonaws.com", True), ("name.proxy-abc.eu-west-1.rds.amazonaws.com", False)],
)
def test_statements_are_not_prepared_through_a_proxy(host: str, prepares: bool) -> None:
    options = Database(f"postgresql://role@{host}")._options
    assert ("prepare_threshold" not in options) is prepares


async def test_concurrent_migrations_run_once(postgres_server: TestServer) -> None:
    with postgres_server.fresh_copy() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP TABLE order_events, orders, dead_mans_switches, trigger_state, schema_migrations")
            connection.execute("DROP SCHEMA mock_chain CASCADE")
        ran = await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(2)))
        assert sorted(ran, key=len) == [[], sorted(file.name for file in MIGRATIONS.glob("*.sql"))]
        assert migrate(url) == []


async def test_orders_are_placed_while_an_index_is_created(engine: Engine) -> None:
    index = "0008_orders_resting.concurrently.sql"
    with psycopg.connect(engine.url, autocommit=True) as owner:
        owner.execute("DROP INDEX orders_resting")
        owner.execute("DELETE FROM schema_migrations WHERE name = %s", (index,))
    with psycopg.connect(engine.url) as writer:
        writer.execute("UPDATE orders SET sweeps = 0")  # the creation waits for this transaction to end
        creating = asyncio.create_task(asyncio.to_thread(migrate, engine.url))
        waiting = "SELECT FROM pg_stat_activity WHERE query LIKE '%%CREATE INDEX%%' AND wait_event_type = 'Lock'"
        while not engine.sql(waiting):
            await asyncio.sleep(0.01)
        another = asyncio.create_task(asyncio.to_thread(migrate, engine.url))
        assert len(await engine.place(3)) == 3
    assert await creating == [index]
    assert await another == []


async def test_the_schema_rejects_invalid_rows(engine: Engine) -> None:
    (order,) = await engine.place()
    for invalid in (
        "UPDATE orders SET status = 'confirmed' RETURNING id",
        "UPDATE orders SET finished_at = now() RETURNING id",
        "UPDATE orders SET status = 'waiting' RETURNING id",
        "UPDATE orders SET status = 'expired' RETURNING id",
        "UPDATE orders SET status = 'failed', finished_at = now() RETURNING id",
        "UPDATE orders SET min_amount_out = 0 RETURNING id",
        "UPDATE orders SET status = 'submitted' RETURNING id",
        "UPDATE orders SET amount_in = -1 RETURNING id",
        "UPDATE orders SET token_out = token_in RETURNING id",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            engine.sql(invalid)
    with pytest.raises(psycopg.errors.UniqueViolation):
        engine.sql(
            "INSERT INTO order_events (order_id, sequence, status, attempt, at)"
            " VALUES (%s, 1, 'pending', 0, now()) RETURNING order_id",
            order.id,
        )


async def test_pages_are_newest_first_and_complete(engine: Engine) -> None:
    orders = await engine.place(25)
    await engine.place(account="bob")
    seen: list[object] = []
    before = None
    while page := await engine.orders.page("alice", None, before, 10):
        seen += [order.id for order in page]
        before = page[-1].id
    assert seen == [order.id for order in reversed(orders)]
