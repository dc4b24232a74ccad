"""Every rule in invariants.py detects a breach and names the order."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import LiteralString

import psycopg
import pytest

from order_engine.domain.errors import BelowMinAmountOut, InsufficientLiquidity, VenueUnavailable
from order_engine.domain.transitions import failed, rested, retried
from order_engine.domain.triggers import OrderType
from testing.engine import Engine, Prices
from testing.faults.invariants import FINISHED, RULES, Policy, check

pytestmark = pytest.mark.reliability

POLICY = Policy.of({})

# (rule, kind of the order that breaks it, the statement that makes it do so).
BREACHES: list[tuple[str, str, LiteralString]] = [
    (FINISHED, "open", "SELECT"),
    ("events are contiguous from 1", "confirmed", "DELETE FROM order_events WHERE order_id = %(id)s AND sequence = 3"),
    ("an order's state matches its last event", "confirmed", "UPDATE orders SET attempt = 2 WHERE id = %(id)s"),
    (
        "one terminal event, and it is the last",
        "confirmed",
        "UPDATE order_events SET status = 'failed' WHERE order_id = %(id)s AND sequence = 4",
    ),
    (
        "only legal transitions",
        "confirmed",
        "UPDATE order_events SET status = 'building' WHERE order_id = %(id)s AND sequence = 2",
    ),
    ("no more attempts than allowed", "failed", "UPDATE orders SET attempt = 4 WHERE id = %(id)s"),
    (
        "attempts are counted from one rest to the next",
        "confirmed",
        "UPDATE order_events SET attempt = 2 WHERE order_id = %(id)s AND sequence = 3",
    ),
    (
        "attempts are counted from one rest to the next",
        "resting",
        "UPDATE order_events SET attempt = 1 WHERE order_id = %(id)s AND sequence >= 4",
    ),
    (
        "a resting order is not a market order, and nothing about it is claimed, signed or triggered",
        "resting",
        "UPDATE orders SET lease_until = now() WHERE id = %(id)s",
    ),
    (
        "a resting order is not a market order, and nothing about it is claimed, signed or triggered",
        "resting",
        "UPDATE orders SET transaction = '{}' WHERE id = %(id)s",
    ),
    (
        "an order that has rested is executed only at a price that reaches its own",
        "limit",
        "UPDATE orders SET triggered_by = NULL WHERE id = %(id)s",
    ),
    (
        "an order that has rested is executed only at a price that reaches its own",
        "limit",
        """UPDATE orders SET triggered_by = '{"price": "99.999"}' WHERE id = %(id)s""",
    ),
    (
        "an order that has rested is executed only at a price that reaches its own",
        "limit",
        """UPDATE orders SET type = 'stop', triggered_by = '{"price": "100.001"}' WHERE id = %(id)s""",
    ),
    (
        "an order becomes pending at its price, or for a retry",
        "failed",
        "UPDATE order_events SET details = '{}' WHERE order_id = %(id)s AND sequence = 3",
    ),
    (
        "an order becomes pending at its price, or for a retry",
        "resting",
        "UPDATE order_events SET details = '{}' WHERE order_id = %(id)s AND sequence = 2",
    ),
    (
        "an order is cancelled only on request",
        "cancelled",
        "UPDATE orders SET cancel_requested_at = NULL WHERE id = %(id)s",
    ),
    (
        "an order is cancelled only on request",
        "failed",
        "UPDATE orders SET cancel_requested_at = now() WHERE id = %(id)s",
    ),
    (
        "only the order's end follows a request that came too late to cancel it",
        "failed",
        """UPDATE order_events SET details = '{"cancelRequested": true}' WHERE order_id = %(id)s AND sequence = 3""",
    ),
    (
        "at most one fill per order",
        "confirmed",
        "INSERT INTO mock_chain.transactions SELECT 'another', order_id, venue, token_in, token_out, amount_in,"
        " min_amount_out, outcome, amount_out, sent_at, lands_at FROM mock_chain.transactions WHERE order_id = %(id)s",
    ),
    (
        "a confirmed order has one fill, which is the reported one",
        "confirmed",
        "UPDATE orders SET amount_out = amount_out + 1 WHERE id = %(id)s",
    ),
    (
        "a confirmed order has one fill, which is the reported one",
        "confirmed",
        "UPDATE orders SET amount_in = amount_in + 1 WHERE id = %(id)s",
    ),
    (
        "no fill for a finished order that is not confirmed",
        "failed",
        "UPDATE mock_chain.transactions SET order_id = %(id)s",
    ),
    (
        "no fill for a finished order that is not confirmed",
        "cancelled",
        "UPDATE mock_chain.transactions SET order_id = %(id)s",
    ),
    (
        "no fill below the order's minimum",
        "confirmed",
        "UPDATE orders SET min_amount_out = amount_out + 1 WHERE id = %(id)s",
    ),
    ("no fill below a limit order's price", "limit", "UPDATE orders SET trigger_price = 1000 WHERE id = %(id)s"),
    (
        "failed means a final error or no attempts left",
        "failed",
        """UPDATE orders SET details = '{"error": {"code": "attempts_exhausted"}}' WHERE id = %(id)s""",
    ),
    ("failed means a final error or no attempts left", "failed", "UPDATE orders SET details = '{}' WHERE id = %(id)s"),
    (
        "expired means past the expiry, or no time for another attempt",
        "expired",
        "UPDATE orders SET expires_at = finished_at + interval '1 second' WHERE id = %(id)s",
    ),
    (
        "expired means past the expiry, or no time for another attempt",
        "expired",
        """UPDATE orders SET details = '{"error": {"code": "no_quote"}}',
        expires_at = finished_at + interval '4 seconds' WHERE id = %(id)s""",
    ),
    (
        "no attempt before the end of its backoff",
        "failed",
        """UPDATE order_events SET details = '{"retryInSeconds": 1}' WHERE order_id = %(id)s AND sequence = 3""",
    ),
    (
        "no attempt before the end of its backoff",
        "resting",
        """UPDATE order_events SET details = '{"retryInSeconds": 60}' WHERE order_id = %(id)s AND sequence = 4""",
    ),
    (
        "nothing is signed after its order's expiry",
        "confirmed",
        "UPDATE orders SET expires_at = created_at WHERE id = %(id)s",
    ),
    (
        "nothing lands after its order's expiry",
        "confirmed",
        "UPDATE mock_chain.transactions SET lands_at = lands_at + interval '1 hour' WHERE order_id = %(id)s",
    ),
    ("every open order has a watchdog", "open", "UPDATE orders SET watchdog_at = NULL WHERE id = %(id)s"),
    (
        "no open order's watchdog is later than its state allows",
        "open",
        "UPDATE orders SET watchdog_at = updated_at + interval '21 seconds' WHERE id = %(id)s",
    ),
    (
        "no open order's watchdog is later than its state allows",
        "open",
        "UPDATE orders SET sweeps = 1, watchdog_at = now() + interval '1 minute' WHERE id = %(id)s",
    ),
    (
        "no open order's watchdog is later than its state allows",
        "claimed",
        "UPDATE orders SET watchdog_at = lease_until + interval '1 second' WHERE id = %(id)s",
    ),
    (
        "no open order's watchdog is later than its state allows",
        "resting",
        "UPDATE orders SET watchdog_at = expires_at + interval '1 second' WHERE id = %(id)s",
    ),
    (
        "no open order waits longer than its watchdog allows",
        "open",
        "UPDATE orders SET watchdog_at = now() - interval '2 minutes' WHERE id = %(id)s",
    ),
]


def test_every_rule_has_a_breach_here() -> None:
    assert {rule for rule, _, _ in BREACHES} == set(RULES)


@pytest.mark.parametrize(("rule", "which", "statement"), BREACHES)
def test_a_breach_is_detected(database_url: str, rule: str, which: str, statement: LiteralString) -> None:
    ids = asyncio.run(_orders(database_url))
    assert set(_broken(database_url)) == {FINISHED}
    with psycopg.connect(database_url) as connection:
        connection.execute(statement, {"id": ids[which]})
    assert ids[which] in _broken(database_url)[rule]


def test_the_policy_is_the_deployed_one_with_the_given_settings() -> None:
    assert Policy.of({}) == Policy(3, timedelta(seconds=1), timedelta(seconds=20), timedelta(minutes=1))
    settings = {"MAX_ATTEMPTS": "4", "BACKOFF_SECONDS": "2", "SWEEP_SCHEDULE": "rate(5 seconds)"}
    assert Policy.of(settings) == Policy(4, timedelta(seconds=2), timedelta(seconds=20), timedelta(seconds=5))
    assert Policy.of(settings).longest_backoff >= timedelta(seconds=12)


def _broken(database_url: str) -> dict[str, list[str]]:
    return {rule: orders for rule, orders in check(database_url, POLICY).breaches.items() if orders}


async def _orders(database_url: str) -> dict[str, str]:
    """An order of each kind, by its kind."""
    engine, prices = Engine(database_url), Prices()
    confirmed, failing, expired, claimed, waiting, cancelled = await engine.place(6)
    limit, resting = await engine.place(2, type=OrderType.LIMIT, trigger_price=Decimal(100))
    await engine.execute(confirmed)
    (first,) = await engine.claim(failing)
    assert first.order
    await engine.journal.record(retried(first.order, VenueUnavailable(), timedelta()))
    (second,) = await engine.claim(failing)
    assert second.order
    await engine.journal.record(failed(second.order, InsufficientLiquidity()))
    engine.expire(expired)
    await engine.execute(expired)
    await engine.claim(claimed)
    await engine.cancel(cancelled)
    prices.set("101")
    await engine.tick(prices=prices)
    await engine.execute(limit)
    (third,) = await engine.claim(resting)
    assert third.order
    await engine.journal.record(rested(third.order, BelowMinAmountOut(), timedelta()))
    await engine.tick(prices=prices)
    (fourth,) = await engine.claim(resting)
    assert fourth.order
    await engine.journal.record(rested(fourth.order, BelowMinAmountOut(), timedelta(minutes=1)))
    await engine.database.close()
    kinds = {
        "confirmed": confirmed,
        "failed": failing,
        "expired": expired,
        "claimed": claimed,
        "open": waiting,
        "cancelled": cancelled,
        "limit": limit,
        "resting": resting,
    }
    return {kind: str(order.id) for kind, order in kinds.items()}
