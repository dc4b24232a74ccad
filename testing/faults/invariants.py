"""The invariants of all orders, checked on the data in Postgres and in the mock chain's ledger."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, LiteralString, Self

import psycopg
from psycopg.rows import dict_row

from localcloud.template.yaml_file import read_yaml
from order_engine.domain.errors import AttemptsExhausted, FinalFailure, OrderExpired
from order_engine.domain.lifecycle import CLAIMS, TERMINAL, TRANSITIONS
from testing.polling import eventually

_TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_SWEEP_DURATION = timedelta(seconds=30)  # the duration of a sweep on a busy machine
FINISHED = "every order reaches a terminal state"


@dataclass(frozen=True)
class Policy:
    """The deployed parameters that some rules depend on."""

    max_attempts: int
    backoff: timedelta
    watchdog: timedelta
    sweep: timedelta
    """The interval between two runs of the sweeper."""

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Self:
        """The template's defaults, overridden by `settings` (MAX_ATTEMPTS and so on)."""
        values = {**_defaults(), **settings}
        number, unit = re.findall(r"rate\((\d+) (second|minute)s?\)", values["SWEEP_SCHEDULE"])[0]
        return cls(
            max_attempts=int(values["MAX_ATTEMPTS"]),
            backoff=timedelta(seconds=float(values["BACKOFF_SECONDS"])),
            watchdog=timedelta(seconds=float(values["WATCHDOG_SECONDS"])),
            sweep=timedelta(**{f"{unit}s": int(number)}),
        )

    @property
    def longest_backoff(self) -> timedelta:
        """The backoff before the last attempt, with the maximum jitter and the rounding to whole seconds."""
        doubled: int = 2 ** (self.max_attempts - 2)
        return self.backoff * doubled * 1.5 + timedelta(seconds=0.5)


@cache
def _defaults() -> dict[str, str]:
    parameters = read_yaml(_TEMPLATE)["Parameters"]
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper(): str(parameters[name]["Default"]) for name in parameters}


# Each query returns the orders that break the rule. Open orders break the first one, which holds only at the end.
RULES: dict[str, LiteralString] = {
    FINISHED: "SELECT id FROM orders WHERE finished_at IS NULL",
    "events are contiguous from 1": """
        SELECT order_id AS id FROM order_events GROUP BY order_id
        HAVING min(sequence) <> 1 OR max(sequence) <> count(*)""",
    "an order's state matches its last event": """
        SELECT o.id FROM orders o
        LEFT JOIN order_events e ON e.order_id = o.id AND e.sequence = o.sequence
        WHERE e.status IS DISTINCT FROM o.status OR e.attempt IS DISTINCT FROM o.attempt
           OR EXISTS (SELECT FROM order_events later WHERE later.order_id = o.id AND later.sequence > o.sequence)""",
    "one terminal event, and it is the last": """
        SELECT o.id FROM orders o JOIN order_events e ON e.order_id = o.id
        WHERE o.finished_at IS NOT NULL GROUP BY o.id, o.sequence
        HAVING count(*) FILTER (WHERE e.status = ANY(%(terminal)s)) <> 1
            OR max(e.sequence) FILTER (WHERE e.status = ANY(%(terminal)s)) <> o.sequence""",
    "only legal transitions": """
        SELECT later.order_id AS id FROM order_events earlier
        JOIN order_events later ON later.order_id = earlier.order_id AND later.sequence = earlier.sequence + 1
        WHERE (earlier.status, later.status) NOT IN (
            SELECT * FROM unnest(%(from_statuses)s::text[], %(to_statuses)s::text[]))""",
    "no more attempts than allowed": "SELECT id FROM orders WHERE attempt > %(max_attempts)s",
    "attempts are counted from one rest to the next": """
        SELECT later.order_id AS id FROM order_events earlier
        JOIN order_events later ON later.order_id = earlier.order_id AND later.sequence = earlier.sequence + 1
        WHERE later.attempt <> CASE later.status
            WHEN 'routing' THEN earlier.attempt + 1
            WHEN 'resting' THEN 0
            ELSE earlier.attempt END""",
    "a resting order is not a market order, and nothing about it is claimed, signed or triggered": """
        SELECT id FROM orders WHERE status = 'resting' AND (
            type = 'market' OR lease_until IS NOT NULL OR transaction IS NOT NULL OR triggered_by IS NOT NULL)""",
    # Its price can be replaced only while it rests, and resting again clears `triggered_by`.
    "an order that has rested is executed only at a price that reaches its own": """
        SELECT id FROM orders WHERE type <> 'market' AND (
            triggered_by IS NULL AND status IN ('pending', 'routing', 'building', 'submitted', 'confirmed', 'failed')
            OR type = 'limit' AND (triggered_by ->> 'price')::numeric < trigger_price
            OR type = 'stop' AND (triggered_by ->> 'price')::numeric > trigger_price)""",
    "an order becomes pending at its price, or for a retry": """
        SELECT later.order_id AS id FROM order_events earlier
        JOIN order_events later ON later.order_id = earlier.order_id AND later.sequence = earlier.sequence + 1
        WHERE later.status = 'pending'
          AND later.details -> CASE earlier.status WHEN 'resting' THEN 'triggeredBy' ELSE 'error' END IS NULL""",
    "an order is cancelled only on request": """
        SELECT id FROM orders WHERE CASE status
            WHEN 'cancelled' THEN cancel_requested_at IS NULL
            WHEN 'submitted' THEN false
            WHEN 'confirmed' THEN false
            ELSE cancel_requested_at IS NOT NULL END""",
    "only the order's end follows a request that came too late to cancel it": """
        SELECT later.order_id AS id FROM order_events request
        JOIN order_events later ON later.order_id = request.order_id AND later.sequence > request.sequence
        WHERE request.details ->> 'cancelRequested' = 'true' AND later.status NOT IN ('confirmed', 'cancelled')""",
    "at most one fill per order": """
        SELECT order_id AS id FROM mock_chain.transactions
        WHERE outcome = 'filled' GROUP BY order_id HAVING count(*) > 1""",
    "a confirmed order has one fill, which is the reported one": """
        SELECT o.id FROM orders o LEFT JOIN mock_chain.transactions t ON t.order_id = o.id AND t.outcome = 'filled'
        WHERE o.status = 'confirmed' AND (
            t.signature IS DISTINCT FROM o.transaction ->> 'signature'
            OR t.amount_in IS DISTINCT FROM o.amount_in
            OR t.amount_out IS DISTINCT FROM o.amount_out)""",
    "no fill for a finished order that is not confirmed": """
        SELECT o.id FROM orders o JOIN mock_chain.transactions t ON t.order_id = o.id
        WHERE o.finished_at IS NOT NULL AND o.status <> 'confirmed' AND t.outcome = 'filled'""",
    "no fill below the order's minimum": """
        SELECT o.id FROM orders o JOIN mock_chain.transactions t ON t.order_id = o.id AND t.outcome = 'filled'
        WHERE t.amount_out < greatest(o.min_amount_out, t.min_amount_out)""",
    "no fill below a limit order's price": """
        SELECT o.id FROM orders o JOIN mock_chain.transactions t ON t.order_id = o.id AND t.outcome = 'filled'
        WHERE o.type = 'limit' AND t.amount_out < o.trigger_price * o.amount_in""",
    "failed means a final error or no attempts left": """
        SELECT id FROM orders
        WHERE status = 'failed' AND attempt < %(max_attempts)s
          AND coalesce(details -> 'error' ->> 'code', '') <> ALL(%(final)s)""",
    "expired means past the expiry, or no time for another attempt": """
        SELECT id FROM orders
        WHERE status = 'expired' AND expires_at > finished_at + CASE
            WHEN details -> 'error' ->> 'code' = 'order_expired' THEN interval '0' ELSE %(longest_backoff)s END""",
    "no attempt before the end of its backoff": """
        SELECT retry.order_id AS id FROM order_events retry
        JOIN order_events attempt ON attempt.order_id = retry.order_id AND attempt.sequence = retry.sequence + 1
        WHERE retry.details ->> 'retryInSeconds' IS NOT NULL AND attempt.status IN ('routing', 'pending')
          AND attempt.at < retry.at + (retry.details ->> 'retryInSeconds')::float8 * interval '1 second'""",
    "nothing is signed after its order's expiry": """
        SELECT o.id FROM orders o JOIN order_events e ON e.order_id = o.id
        WHERE e.status = 'submitted' AND e.details ->> 'cancelRequested' IS NULL AND e.at >= o.expires_at""",
    "nothing lands after its order's expiry": """
        SELECT o.id FROM orders o JOIN mock_chain.transactions t ON t.order_id = o.id
        WHERE t.outcome = 'filled' AND t.lands_at > o.expires_at""",
    "every open order has a watchdog": "SELECT id FROM orders WHERE finished_at IS NULL AND watchdog_at IS NULL",
    # A resting order's watchdog is its expiry. Any other starts at the order's last transition, and each sweep that
    # requeues the order doubles its time.
    "no open order's watchdog is later than its state allows": """
        SELECT id FROM orders WHERE finished_at IS NULL AND watchdog_at > CASE
            WHEN sweeps > 0 THEN clock_timestamp() + least(interval '15 minutes', %(watchdog)s * 2 ^ least(sweeps, 20))
            WHEN status = 'resting' THEN expires_at
            WHEN lease_until IS NOT NULL THEN lease_until
            ELSE coalesce(not_before, updated_at) + %(watchdog)s END""",
    "no open order waits longer than its watchdog allows": """
        SELECT id FROM orders WHERE finished_at IS NULL AND watchdog_at < clock_timestamp() - %(sweep)s""",
}


@dataclass(frozen=True)
class Report:
    """The numbers of orders and fills, and the orders that break each rule."""

    orders: int
    statuses: dict[str, int]
    fills: int
    breaches: dict[str, list[str]]
    histories: list[dict[str, Any]]

    def __str__(self) -> str:
        lines = [f"{self.orders} orders: {self.statuses}; {self.fills} fills"]
        lines += [
            f"{'BREACH' if self.breaches[rule] else 'holds '}  {rule}" + _example(self.breaches[rule]) for rule in RULES
        ]
        lines += [json.dumps(history, default=str, indent=1) for history in self.histories]
        return "\n".join(lines)


def check(database_url: str, policy: Policy) -> Report:
    """Check every rule; the report contains the full histories of up to three orders that break one."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return check_on(connection, policy)


def check_on(connection: psycopg.Connection[dict[str, Any]], policy: Policy) -> Report:
    """As `check`, on a connection that is already open."""
    allowed = [(source, target) for source, target in {*TRANSITIONS, *CLAIMS.items()} if source not in TERMINAL]
    excluded = {AttemptsExhausted, OrderExpired}  # the former requires all attempts, the latter is not a failure
    parameters = {
        "from_statuses": [source for source, _ in allowed],
        "to_statuses": [target for _, target in allowed],
        "terminal": list(TERMINAL),
        "max_attempts": policy.max_attempts,
        "final": [error.code for error in FinalFailure.__subclasses__() if error not in excluded],
        "longest_backoff": policy.longest_backoff,
        "watchdog": policy.watchdog,
        "sweep": policy.sweep + _SWEEP_DURATION,
    }
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


def assert_all_hold(database_url: str, policy: Policy) -> None:
    """Wait until every order has ended. Raises AssertionError with the full report if any rule is broken."""
    with suppress(AssertionError):  # the report below has the details
        eventually(lambda: not check(database_url, policy).breaches[FINISHED], "every order has ended")
    report = check(database_url, policy)
    assert not any(report.breaches.values()), f"\n{report}"


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


def _example(orders: list[str]) -> str:
    return f": {len(orders)}, such as {orders[0]}" if orders else ""
