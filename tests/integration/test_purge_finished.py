"""Finished orders are deleted after their retention period."""

from order_engine.use_cases.purge_finished import purge_finished
from testing.engine import Engine

_OLD = """
    WITH placed AS (
        INSERT INTO orders (id, account, client_order_id, type, token_in, token_out, amount_in, slippage_bps, status,
                            watchdog_at, finished_at)
        SELECT uuidv7(- %s * interval '1 day'), 'alice', 'key-' || n, 'market', 'SOL', 'USDC', 1, 50,
               CASE WHEN %s THEN 'failed' ELSE 'pending' END, CASE WHEN NOT %s THEN now() END,
               now() - %s * interval '1 day'
        FROM generate_series(1, %s) n RETURNING *
    )
    INSERT INTO order_events (order_id, sequence, status, attempt, at) SELECT id, 1, status, 0, now() FROM placed
    RETURNING order_id
"""


def old_orders(engine: Engine, number: int, *, days: float, finished: float | None) -> None:
    """Orders that were placed `days` ago and finished `finished` days ago, or not yet."""
    is_finished = finished is not None
    engine.sql(_OLD, days, is_finished, is_finished, finished, number)


async def test_old_finished_orders_are_deleted_with_their_events(engine: Engine) -> None:
    old_orders(engine, 2_500, days=31, finished=31)
    (recent,) = await engine.place()
    assert await purge_finished(engine.orders, 30) == 2_500
    assert await purge_finished(engine.orders, 30) == 0
    assert engine.sql("SELECT id FROM orders") == [{"id": recent.id}]
    assert engine.sql("SELECT DISTINCT order_id FROM order_events") == [{"order_id": recent.id}]
    assert (await engine.place(client_order_id="key-1"))[0].client_order_id == "key-1"


async def test_an_old_order_that_is_still_open_is_kept(engine: Engine) -> None:
    old_orders(engine, 1, days=400, finished=None)
    assert await purge_finished(engine.orders, 30) == 0
    assert len(engine.sql("SELECT FROM orders")) == 1


async def test_an_order_that_rested_for_long_is_kept_after_its_end(engine: Engine) -> None:
    """Otherwise a repeated request with its key would place a second order."""
    old_orders(engine, 1, days=31, finished=1)
    assert await purge_finished(engine.orders, 30) == 0


async def test_all_orders_are_kept_without_a_retention_period(engine: Engine) -> None:
    old_orders(engine, 1, days=4_000, finished=4_000)
    assert await purge_finished(engine.orders, 0) == 0
    assert len(engine.sql("SELECT FROM order_events")) == 1
