"""A limit is a promise: no fill below it, and an order whose price is gone rests again."""

from datetime import timedelta
from decimal import Decimal

from order_engine.domain.errors import SlippageExceeded
from order_engine.domain.lifecycle import Status
from order_engine.domain.transactions import Unfilled
from testing.engine import Engine, Prices
from tests.integration.doubles import ScriptedChain, UnavailableVenue
from tests.integration.helpers import FAR_ABOVE, LIMIT, place_resting, status_of, statuses


async def test_a_limit_order_signs_at_least_its_price(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, LIMIT, "100.123456789", slippage_bps=10_000, amount_in=Decimal("0.123456789"))
    prices.set("101")
    await engine.tick(prices=prices)
    await engine.execute(order)
    (sent,) = engine.ledger(order)
    exact = Decimal("100.123456789") * Decimal("0.123456789")
    assert Decimal(0) <= sent["min_amount_out"] - exact < Decimal("0.000001"), "rounded up to USDC's decimals"


async def test_a_limit_order_whose_price_is_gone_rests_again_without_using_an_attempt(
    engine: Engine, prices: Prices
) -> None:
    order = await place_resting(engine, LIMIT, FAR_ABOVE)
    prices.set(str(FAR_ABOVE))
    for _ in range(5):
        assert await engine.tick(prices=prices) == 1
        assert await engine.execute(order) == {order.id}
        history = await engine.history(order)
        assert (history.order.status, history.order.attempt) == (Status.RESTING, 0)
        assert history.order.facts.failure and history.order.facts.failure.code == "below_min_amount_out"
        assert history.order.triggered_by is None
        assert await engine.tick(prices=prices) == 0, "it rests for a pause"
        engine.end_backoff(order)
    assert statuses(history) == ["resting", *["pending", "routing", "resting"] * 5]
    assert not engine.ledger(order)


async def test_a_limit_order_whose_price_is_gone_on_the_chain_rests_again(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, LIMIT, 100, slippage_bps=10_000)
    prices.set("101")
    await engine.tick(prices=prices)
    await engine.execute(order, chain=ScriptedChain())
    await engine.confirm(order, chain=ScriptedChain(**{str(order.id): Unfilled(SlippageExceeded())}))
    history = await engine.history(order)
    assert statuses(history)[-2:] == ["submitted", "resting"]
    assert (history.order.attempt, history.order.transaction) == (0, None)
    engine.end_backoff(order)
    await engine.tick(prices=prices)
    await engine.execute(order)
    history = await engine.history(order)
    assert (history.order.status, history.order.attempt) == (Status.CONFIRMED, 1)
    assert engine.fills(order) == 1


async def test_outages_use_up_a_limit_orders_attempts(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, LIMIT, 100)
    prices.set("101")
    await engine.tick(prices=prices)
    for _ in range(engine.retries.max_attempts):
        engine.end_backoff(order)
        await engine.execute(order, venues=[UnavailableVenue()])
    assert await status_of(engine, order) is Status.FAILED


async def test_failures_of_earlier_activations_do_not_count(engine: Engine, prices: Prices) -> None:
    """A limit order may rest for months; three failed transactions in all that time must not end it."""
    order = await place_resting(engine, LIMIT, 100)
    prices.set("101")
    for _ in range(4):
        await engine.tick(prices=prices)
        await engine.execute(order, venues=[UnavailableVenue()])
        assert (await engine.history(order)).order.attempt == 1
        engine.end_backoff(order)
        await engine.execute(order, chain=ScriptedChain())
        await engine.confirm(order, chain=ScriptedChain(**{str(order.id): Unfilled(SlippageExceeded())}))
        assert (await engine.history(order)).order.attempt == 0
        engine.end_backoff(order)


async def test_a_price_that_is_gone_only_because_a_venue_failed_is_tried_again_soon(
    engine: Engine, prices: Prices
) -> None:
    order = await place_resting(engine, LIMIT, FAR_ABOVE)
    prices.set(str(FAR_ABOVE))
    await engine.tick(prices=prices)
    await engine.execute(order, venues=[engine.venues[0], UnavailableVenue()])
    assert (await engine.history(order)).order.facts.retry_in == timedelta(seconds=1)


async def test_an_order_that_flaps_pauses_longer_and_longer(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, LIMIT, FAR_ABOVE)
    prices.set(str(FAR_ABOVE))
    pauses = []
    for sequence in (1, 29, 59, 10_000):
        engine.sql("UPDATE orders SET sequence = %s, not_before = NULL RETURNING id", sequence)
        await engine.tick(prices=prices)
        await engine.execute(order)
        pauses.append((await engine.history(order)).order.facts.retry_in)
    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 16)]


async def test_only_the_newest_of_many_events_are_read_and_published(engine: Engine, prices: Prices) -> None:
    order = await place_resting(engine, LIMIT, 100)
    engine.sql(
        "INSERT INTO order_events (order_id, sequence, status, attempt, at)"
        " SELECT id, n, 'resting', 0, now() FROM orders, generate_series(2, 1000) AS n RETURNING order_id"
    )
    engine.sql("UPDATE orders SET sequence = 1000 RETURNING id")
    assert [event.sequence for event in (await engine.history(order)).events] == list(range(701, 1001))
    prices.set("101")
    await engine.tick(prices=prices)
    engine.recorder.events.clear()
    await engine.execute(order)
    assert len(engine.recorder.events) < 30
