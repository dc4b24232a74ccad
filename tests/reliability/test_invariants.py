"""Every rule of invariants.py can be broken, and then names the order."""

import asyncio
from datetime import timedelta
from typing import LiteralString

import psycopg
import pytest

from order_engine.domain.errors import InsufficientLiquidity, VenueUnavailable
from order_engine.domain.transitions import failed, retried
from tests.engine import Engine
from tests.reliability.invariants import FINISHED, RULES, Policy, check

POLICY = Policy.of({})

# Rule, which order breaks it, and how: `%(id)s` is that order.
BREACHES: list[tuple[str, str, LiteralString]] = [
    (FINISHED, "open", "SELECT"),
    ("events are contiguous from 1", "confirmed", "DELETE FROM order_events WHERE order_id = %(id)s AND sequence = 3"),
    ("an order stands where its last event says", "confirmed", "UPDATE orders SET attempt = 2 WHERE id = %(id)s"),
    (
        "one terminal event, and it is the last",
        "confirmed",
        "UPDATE order_events SET status = 'failed' WHERE order_id = %(id)s AND sequence = 4",
    ),
    (
        "only legal moves",
        "confirmed",
        "UPDATE order_events SET status = 'building' WHERE order_id = %(id)s AND sequence = 2",
    ),
    ("no more attempts than allowed", "failed", "UPDATE orders SET attempt = 4 WHERE id = %(id)s"),
    (
        "at most one fill per order",
        "confirmed",
        "INSERT INTO mock_chain.transactions SELECT 'another', order_id, venue, token_in, token_out, amount_in,"
        " min_amount_out, outcome, amount_out, sent_at, lands_at FROM mock_chain.transactions WHERE order_id = %(id)s",
    ),
    (
        "one fill for a confirmed order, and it is the one that was told",
        "confirmed",
        "UPDATE orders SET amount_out = amount_out + 1 WHERE id = %(id)s",
    ),
    (
        "no fill for an order that ended without one",
        "failed",
        "UPDATE mock_chain.transactions SET order_id = %(id)s",
    ),
    (
        "no fill below what was asked for",
        "confirmed",
        "UPDATE orders SET min_amount_out = amount_out + 1 WHERE id = %(id)s",
    ),
    (
        "failed means a final error or attempts used up",
        "failed",
        """UPDATE orders SET details = '{"error": {"code": "attempts_exhausted"}}' WHERE id = %(id)s""",
    ),
    ("failed means a final error or attempts used up", "failed", "UPDATE orders SET details = '{}' WHERE id = %(id)s"),
    (
        "expired means that the time was over, or would have been before another attempt",
        "expired",
        "UPDATE orders SET expires_at = finished_at + interval '1 second' WHERE id = %(id)s",
    ),
    (
        "expired means that the time was over, or would have been before another attempt",
        "expired",
        """UPDATE orders SET details = '{"error": {"code": "no_quote"}}',
        expires_at = finished_at + interval '4 seconds' WHERE id = %(id)s""",
    ),
    (
        "no attempt before its time",
        "failed",
        """UPDATE order_events SET details = '{"retryInSeconds": 1}' WHERE order_id = %(id)s AND sequence = 3""",
    ),
    (
        "nothing is signed after its order's time",
        "confirmed",
        "UPDATE orders SET expires_at = created_at WHERE id = %(id)s",
    ),
    (
        "nothing lands after its order's time",
        "confirmed",
        "UPDATE mock_chain.transactions SET lands_at = lands_at + interval '1 hour' WHERE order_id = %(id)s",
    ),
    ("no open order is left unwatched", "open", "UPDATE orders SET watchdog_at = NULL WHERE id = %(id)s"),
    (
        "no open order's watchdog is later than its state says",
        "open",
        "UPDATE orders SET watchdog_at = updated_at + interval '21 seconds' WHERE id = %(id)s",
    ),
    (
        "no open order's watchdog is later than its state says",
        "open",
        "UPDATE orders SET sweeps = 1, watchdog_at = now() + interval '1 minute' WHERE id = %(id)s",
    ),
    (
        "no open order's watchdog is later than its state says",
        "claimed",
        "UPDATE orders SET watchdog_at = lease_until + interval '1 second' WHERE id = %(id)s",
    ),
    (
        "no open order waits longer than its watchdog says",
        "open",
        "UPDATE orders SET watchdog_at = now() - interval '2 minutes' WHERE id = %(id)s",
    ),
]


def test_no_rule_is_missing_here() -> None:
    assert {rule for rule, _, _ in BREACHES} == set(RULES)


@pytest.mark.parametrize(("rule", "which", "statement"), BREACHES)
def test_a_breach_is_found(database_url: str, rule: str, which: str, statement: LiteralString) -> None:
    ids = asyncio.run(_orders(database_url))
    assert set(_broken(database_url)) == {FINISHED}
    with psycopg.connect(database_url) as connection:
        connection.execute(statement, {"id": ids[which]})
    assert ids[which] in _broken(database_url)[rule]


def test_the_policy_is_what_is_deployed_but_for_what_is_set() -> None:
    assert Policy.of({}) == Policy(3, timedelta(seconds=1), timedelta(seconds=20), timedelta(minutes=1))
    settings = {"MAX_ATTEMPTS": "4", "BACKOFF_SECONDS": "2", "SWEEP_SCHEDULE": "rate(5 seconds)"}
    assert Policy.of(settings) == Policy(4, timedelta(seconds=2), timedelta(seconds=20), timedelta(seconds=5))
    assert Policy.of(settings).longest_backoff >= timedelta(seconds=12)


def _broken(database_url: str) -> dict[str, list[str]]:
    return {rule: orders for rule, orders in check(database_url, POLICY).breaches.items() if orders}


async def _orders(database_url: str) -> dict[str, str]:
    """An order of each kind, by its kind."""
    engine = Engine(database_url)
    confirmed, unlucky, expired, claimed, waiting = await engine.place(5)
    await engine.execute(confirmed)
    (first,) = await engine.claim(unlucky)
    assert first.order
    await engine.journal.record(retried(first.order, VenueUnavailable(), timedelta()))
    (second,) = await engine.claim(unlucky)
    assert second.order
    await engine.journal.record(failed(second.order, InsufficientLiquidity()))
    engine.expire(expired)
    await engine.execute(expired)
    await engine.claim(claimed)
    await engine.database.close()
    kinds = {"confirmed": confirmed, "failed": unlucky, "expired": expired, "claimed": claimed, "open": waiting}
    return {kind: str(order.id) for kind, order in kinds.items()}
