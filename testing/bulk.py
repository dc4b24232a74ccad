"""Orders by the thousand: straight into Postgres, and straight into the orders queue."""

import json
from collections.abc import Sequence
from uuid import UUID

import psycopg

from testing.accounts import aws_client
from testing.cloud import Cloud

_PLACE = """
    WITH placed AS (
        INSERT INTO orders (account, type, token_in, token_out, amount_in, slippage_bps, watchdog_at)
        SELECT 'demo', 'market', 'SOL', 'USDC', 1, 50, now() + interval '15 minutes' FROM generate_series(1, %s)
        RETURNING id, sequence, status, attempt, created_at, details
    ), first_event AS (
        INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
        SELECT id, sequence, status, attempt, created_at, details FROM placed
    )
    SELECT id FROM placed ORDER BY id"""


def place(url: str, orders: int) -> list[UUID]:
    """Insert pending orders with their first event, as the API function does; returns their ids, oldest first."""
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(_PLACE, (orders,))]


def send_to_worker(cloud: Cloud, order_ids: Sequence[object]) -> None:
    """Send orders that were inserted directly into the database to the orders queue."""
    queue = aws_client(cloud, "sqs")
    for start in range(0, len(order_ids), 10):
        entries = [
            {"Id": str(index), "MessageBody": json.dumps({"orderId": str(order_id)})}
            for index, order_id in enumerate(order_ids[start : start + 10])
        ]
        queue.send_message_batch(QueueUrl=cloud.queues["OrdersQueue"], Entries=entries)
