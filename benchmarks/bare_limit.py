"""Bare SQL, for the worker benchmark: writes the worker's rows with plain set-based SQL over one psycopg connection.

Runs like the driver: standard input {"url", "batches": [[order id, ...], ...]}, last line of output {"wall", "cpu"}, in
seconds.
"""

import json
import sys
import time
from typing import Any

import psycopg

from order_engine.domain.lifecycle import TERMINAL, Status

_QUOTE = {"amountOut": "144.812345", "feeBps": "25", "priceImpactBps": "0.30"}
_ROUTE = {"venue": "raydium", "quotes": [{"venue": "raydium", **_QUOTE}, {"venue": "meteora", **_QUOTE}]}
_TRANSACTION = {
    "signature": "5" * 88, "venue": "raydium", "token_in": "SOL", "token_out": "USDC", "amount_in": "1",
    "order_id": "01980000-0000-7000-8000-000000000001", "min_amount_out": "144.1",
    "valid_until": "2026-11-21 09:00:00.000000+00:00",
}  # fmt: skip
_FILL = {"txHash": "5" * 88, "executedPrice": "144.812345", "amountOut": "144.812345"}
# Status, event details and transaction of the four transitions of an order after it was placed.
_MOVES: tuple[tuple[Status, dict[str, Any], dict[str, str] | None], ...] = (
    (Status.ROUTING, {}, None),
    (Status.BUILDING, {"route": _ROUTE}, None),
    (Status.SUBMITTED, {"route": _ROUTE, "txHash": "5" * 88}, _TRANSACTION),
    (Status.CONFIRMED, {"route": _ROUTE, **_FILL}, _TRANSACTION),
)
_MOVE = """
    WITH moved AS (
        UPDATE orders o SET
            status = %(status)s, sequence = o.sequence + 1, attempt = 1, details = s.details::json,
            transaction = s.transaction::json, updated_at = now(),
            amount_out = CASE WHEN %(terminal)s THEN 144.812345 END,
            executed_price = CASE WHEN %(terminal)s THEN 144.812345 END,
            lease_until = CASE WHEN %(terminal)s THEN NULL ELSE now() + interval '35 seconds' END,
            watchdog_at = CASE WHEN %(terminal)s THEN NULL ELSE now() + interval '70 seconds' END,
            finished_at = CASE WHEN %(terminal)s THEN now() END
        FROM unnest(%(ids)s::uuid[], %(details)s::text[], %(transactions)s::text[]) AS s (id, details, transaction)
        WHERE o.id = s.id
        RETURNING o.*
    )
    INSERT INTO order_events (order_id, sequence, status, attempt, at, details)
    SELECT id, sequence, status, attempt, updated_at, details FROM moved"""


def main() -> None:
    """One run: four transitions, and so four commits, per batch."""
    order = json.load(sys.stdin)
    with psycopg.connect(order["url"], autocommit=True) as connection:
        began, used = time.perf_counter(), time.process_time()
        for ids in order["batches"]:
            for status, details, transaction in _MOVES:
                connection.execute(
                    _MOVE,
                    {
                        "ids": ids,
                        "status": status,
                        "terminal": status in TERMINAL,
                        "details": [json.dumps(details)] * len(ids),
                        "transactions": [transaction and json.dumps(transaction)] * len(ids),
                    },
                )
        print(json.dumps({"wall": time.perf_counter() - began, "cpu": time.process_time() - used}))


if __name__ == "__main__":
    main()
