"""What must hold of all orders, always, read from Postgres and from the mock chain's ledger."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from order_engine.domain.errors import AttemptsExhausted, FinalFailure
from order_engine.domain.lifecycle import CLAIMS, MOVES, TERMINAL

_MAX_ATTEMPTS = 3
_LONGEST_BACKOFF = timedelta(seconds=10)  # after the last but one attempt, with its jitter
_SWEEP = timedelta(seconds=90)  # a sweep a minute, and time to send

# Each gives the orders that break the rule. An open order breaks the first one: ask when all should be finished.
RULES: dict[str, LiteralString] = {
    "every order reaches a terminal state": "SELECT id FROM orders WHERE finished_at IS NULL",
    "events are contiguous from 1": """
        SELECT order_id AS id FROM order_events GROUP BY order_id
        HAVING min(sequence) <> 1 OR max(sequence) <> count(*)""",
    "an order stands where its last event says": """
        SELECT o.id FROM orders o
        LEFT JOIN order_events e ON e.order_id = o.id AND e.sequence = o.sequence
        WHERE e.status IS DISTINCT FROM o.status OR e.attempt IS DISTINCT FROM o.attempt
           OR EXISTS (SELECT FROM order_events later WHERE later.order_id = o.id AND later.sequence > o.sequence)""",
    "one terminal event, and it is the last": """
        SELECT o.id FROM orders o JOIN order_events e ON e.order_id = o.id
        WHERE o.finished_at IS NOT NULL GROUP BY o.id, o.sequence
        HAVING count(*) FILTER (WHERE e.status = ANY(%(terminal)s)) <> 1
            OR max(e.sequence) FILTER (WHERE e.status = ANY(%(terminal)s)) <> o.sequence""",
    "only legal moves": """
        SELECT later.order_id AS id FROM order_events earlier
        JOIN order_events later ON later.order_id = earlier.order_id AND later.sequence = earlier.sequence + 1
        WHERE (earlier.status, later.status) NOT IN (
            SELECT * FROM unnest(%(from_statuses)s::text[], %(to_statuses)s::text[]))""",
    "no more than three attempts": "SELECT id FROM orders WHERE attempt > 3",
    "at most one fill per order": """
        SELECT order_id AS id FROM mock_chain.transactions
        WHERE outcome = 'filled' GROUP BY order_id HAVING count(*) > 1""",
    "one fill for a confirmed order, and it is the one that was told": """
        SELECT o.id FROM orders o LEFT JOIN mock_chain.transactions t ON t.order_id = o.id AND t.outcome = 'filled'
        WHERE o.status = 'confirmed' AND (
            t.signature IS DISTINCT FROM o.transaction ->> 'signature'
            OR t.amount_out IS DISTINCT FROM o.amount_out)""",
    "no fill for an order that ended without one": """
        SELECT o.id FROM orders o JOIN mock_chain.transactions t ON t.order_id = o.id
        WHERE o.finished_at IS NOT NULL AND o.status <> 'confirmed' AND t.outcome = 'filled'""",
    "failed means a final error or attempts used up": """
        SELECT id FROM orders
        WHERE status = 'failed' AND attempt < %(max_attempts)s AND details -> 'error' ->> 'code' <> ALL(%(final)s)""",
    "expired means that the time was over, or would have been before another attempt": """
        SELECT o.id FROM orders o WHERE o.status = 'expired' AND o.finished_at + %(longest_backoff)s < o.expires_at""",
    "no attempt before its time": """
        SELECT retry.order_id AS id FROM order_events retry
        JOIN order_events attempt ON attempt.order_id = retry.order_id AND attempt.sequence = retry.sequence + 1
        WHERE retry.details ->> 'retryInSeconds' IS NOT NULL AND attempt.status = 'routing'
          AND attempt.at < retry.at + (retry.details ->> 'retryInSeconds')::float8 * interval '1 second'""",
    "nothing is signed after its order's time": """
        SELECT o.id FROM orders o JOIN order_events e ON e.order_id = o.id
        WHERE e.status = 'submitted' AND e.at >= o.expires_at""",
    "no open order is left unwatched": """
        SELECT id FROM orders WHERE finished_at IS NULL AND watchdog_at IS NULL""",
    "no open order waits longer than its watchdog says": """
        SELECT id FROM orders WHERE finished_at IS NULL AND watchdog_at < now() - %(sweep)s""",
}


@dataclass(frozen=True)
class Report:
    """How many orders there are, and which of them break which rule."""

    orders: int
    statuses: dict[str, int]
    fills: int
    breaches: dict[str, list[str]]
    histories: list[dict[str, Any]]

    def __str__(self) -> str:
        lines = [f"{self.orders} orders: {self.statuses}; {self.fills} fills"]
        lines += [
            f"{'BREACH' if self.breaches[rule] else 'holds '}  {rule}" + _who(self.breaches[rule]) for rule in RULES
        ]
        lines += [json.dumps(history, default=str, indent=1) for history in self.histories]
        return "\n".join(lines)


def check(database_url: str) -> Report:
    """Read everything; whole histories are in the report for the first few orders that break a rule."""
    moves = [(source, target) for source, target in {*MOVES, *CLAIMS.items()} if source not in TERMINAL]
    parameters = {
        "from_statuses": [source for source, _ in moves],
        "to_statuses": [target for _, target in moves],
        "terminal": list(TERMINAL),
        "max_attempts": _MAX_ATTEMPTS,
        "final": [error.code for error in FinalFailure.__subclasses__() if error is not AttemptsExhausted],
        "longest_backoff": _LONGEST_BACKOFF,
        "sweep": _SWEEP,
    }
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        breaches = {
            rule: [str(row["id"]) for row in connection.execute(query, parameters if "%(" in query else None)]
            for rule, query in RULES.items()
        }
        statuses = connection.execute("SELECT status, count(*) FROM orders GROUP BY status").fetchall()
        fills = connection.execute("SELECT count(*) FROM mock_chain.transactions WHERE outcome = 'filled'").fetchone()
        assert fills
        worst = list(dict.fromkeys(order for orders in breaches.values() for order in orders))[:3]
        return Report(
            orders=sum(row["count"] for row in statuses),
            statuses={row["status"]: row["count"] for row in statuses},
            fills=fills["count"],
            breaches=breaches,
            histories=[_history(connection, order) for order in worst],
        )


def assert_all_hold(database_url: str) -> Report:
    """Fail with the whole report if any rule is broken."""
    report = check(database_url)
    assert not any(report.breaches.values()), f"\n{report}"
    return report


def _history(connection: psycopg.Connection[dict[str, Any]], order: str) -> dict[str, Any]:
    return {
        "order": connection.execute("SELECT * FROM orders WHERE id = %s", (order,)).fetchone(),
        "events": connection.execute(
            "SELECT * FROM order_events WHERE order_id = %s ORDER BY sequence", (order,)
        ).fetchall(),
        "ledger": connection.execute(
            "SELECT * FROM mock_chain.transactions WHERE order_id = %s ORDER BY sent_at", (order,)
        ).fetchall(),
    }


def _who(orders: list[str]) -> str:
    return f": {len(orders)}, such as {orders[0]}" if orders else ""
