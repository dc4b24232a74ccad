"""l. Resting orders: a tick, a price that activates many, the lag behind the market, snipers, and batches."""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Sequence
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from statistics import median
from unittest.mock import patch

import aiohttp
import psycopg

from benchmarks.database import scalar
from benchmarks.figures import Figure, Options, at_least, at_most, per_run, percentile
from benchmarks.load import repeat
from order_engine.adapters.aws import sqs
from order_engine.adapters.sqs import OrdersQueue
from order_engine.domain.tokens import TOKENS
from order_engine.domain.triggers import OrderType, Pair
from order_engine.venues.mock.market import UNLISTED, Market
from order_engine.venues.mock.venues import MockConditions, meteora, raydium
from testing.cloud import QUICK, Cloud, client_of, running_cloud
from testing.engine import Engine, Prices
from testing.polling import eventually
from testing.postgres import TestServer

_PAIRS = [Pair(*pair) for pair in permutations(sorted(set(TOKENS) - UNLISTED), 2)][:20]
_SEED = 7
_INTERVAL = 1.0  # the template's TriggerIntervalSeconds
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}
_TICKS = 20
_REST = """
    INSERT INTO orders (id, account, type, token_in, token_out, amount_in, slippage_bps, trigger_price, status,
                        expires_at, watchdog_at)
    SELECT uuidv7(), 'demo', %(type)s, %(token_in)s, %(token_out)s, 1, 10000,
           CASE WHEN %(type)s <> 'sniper' THEN %(price)s + n * %(step)s END, 'resting', now() + interval '7 days',
           now() + interval '7 days'
    FROM generate_series(1, %(orders)s) AS n"""
_FIRST_EVENTS = """
    INSERT INTO order_events (order_id, sequence, status, attempt, at)
    SELECT id, sequence, status, attempt, created_at FROM orders
    WHERE status = 'resting' AND NOT EXISTS (SELECT FROM order_events WHERE order_id = id)"""


def measure(options: Options) -> list[Figure]:
    """Times of ticks on Postgres alone; lag, snipers and batches on a local cloud without the mock's delays."""
    with tempfile.TemporaryDirectory() as directory:
        server = TestServer(Path(directory))
        try:
            ticks = per_run(_ticks(server, options) for _ in range(options.runs))
        finally:
            server.stop()
    clouds = per_run(_on_a_cloud(options) for _ in range(options.runs))
    resting, crossed, snipers = _sizes(options)
    return [
        Figure(f"a tick that activates none of {resting:,}", "ms", ticks["idle"], at_most(20)),
        Figure("the same if nothing rests", "ms", ticks["nothing"]),
        Figure(f"{crossed:,} activated at once: all pending and queued", "s", clouds["crossed"], at_most(3)),
        Figure("lag: price reached to pending, p50", "s", clouds["lag p50"]),
        Figure("lag, p99", "s", clouds["lag p99"], at_most(_INTERVAL + 0.1)),
        Figure(f"{snipers:,} snipers: listing to submitted, p50", "s", clouds["snipers p50"], at_most(_INTERVAL + 0.5)),
        Figure("the same, p99", "s", clouds["snipers p99"]),
        Figure("batches of 50: accepted", "orders/s", clouds["accepted"], at_least(1_200)),
        Figure("the same, confirmed", "orders/s", clouds["confirmed"], at_least(1_000)),
    ]


def _sizes(options: Options) -> tuple[int, int, int]:
    return options.scaled(100_000, 2_000), options.scaled(10_000, 100), options.scaled(1_000, 20)


def _ticks(server: TestServer, options: Options) -> dict[str, float]:
    with server.fresh_copy() as url:
        nothing = asyncio.run(_tick_time(url))
        _rest(url, _PAIRS, "limit", _sizes(options)[0] // len(_PAIRS), (1e9, 1))
        return {"nothing": nothing, "idle": asyncio.run(_tick_time(url))}


async def _tick_time(url: str) -> float:
    """The median time of a tick in milliseconds, with prices at hand, so that Postgres takes most of it."""
    engine, prices = Engine(url), Prices()
    for pair in _PAIRS:
        prices.set("1", pair.token_in, pair.token_out)
    times = []
    for _ in range(_TICKS):
        began = time.perf_counter()
        activated = await engine.tick(prices=prices)
        times.append(time.perf_counter() - began)
        assert not activated
    await engine.database.close()
    return median(times) * 1000


def _rest(url: str, pairs: Sequence[Pair], type_: str, orders: int, prices: tuple[float, float] = (1, 0)) -> None:
    """Insert resting orders with their first events; on each pair, their prices rise from the first in such steps."""
    with psycopg.connect(url) as connection:
        for pair in pairs:
            names = {"type": type_, "token_in": pair.token_in, "token_out": pair.token_out}
            connection.execute(_REST, {**names, "orders": orders, "price": prices[0], "step": prices[1]})
        connection.execute(_FIRST_EVENTS)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE orders")


def _on_a_cloud(options: Options) -> dict[str, float]:
    _, crossed, snipers = _sizes(options)
    with tempfile.TemporaryDirectory() as directory, running_cloud(Path(directory), **QUICK) as cloud:
        found = asyncio.run(_batches(cloud, options.scaled(6_000, 100)))
        found["crossed"] = asyncio.run(_crossed(cloud, crossed))
        _wait_until_executed(cloud)
        found |= _lags(cloud, options.scaled(400, 10), options.scaled(60, 5))
        with client_of(cloud) as http:
            http.delete("/api/orders", params={"status": "resting"}).raise_for_status()
        _wait_until_executed(cloud)
        return found | _snipers(cloud, snipers)


def _wait_until_executed(cloud: Cloud) -> None:
    open_orders = "SELECT count(*) FROM orders WHERE finished_at IS NULL"
    eventually(lambda: scalar(cloud.database_url, open_orders) == 0, "all orders have ended", seconds=300)


async def _batches(cloud: Cloud, orders: int) -> dict[str, float]:
    body = json.dumps({"orders": [{"tokenIn": "SOL", "tokenOut": "USDC", "amount": "1"}] * 50})
    headers = {**cloud.headers, "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as http:

        async def place() -> None:
            async with http.post(f"{cloud.http_url}/api/orders/batch", data=body) as answer:
                results = (await answer.json())["results"]
                assert all("order" in result for result in results)

        await repeat(place, 2, 1)
        began = time.monotonic()
        await repeat(place, orders // 50, 4)
        accepted = time.monotonic() - began
    _wait_until_executed(cloud)
    return {"accepted": orders / accepted, "confirmed": orders / (time.monotonic() - began)}


async def _crossed(cloud: Cloud, orders: int) -> float:
    """Seconds of the tick in which one pair's price reaches all of them; the cloud's workers execute them meanwhile."""
    _rest(cloud.database_url, [Pair("SOL", "USDC")], "limit", orders, (1, 0.0001))
    engine, prices = Engine(cloud.database_url), Prices()
    prices.set("100")
    with patch.dict(os.environ, {"AWS_ENDPOINT_URL": cloud.aws_url, **_CREDENTIALS}):
        queue = OrdersQueue(cloud.queues["OrdersQueue"], sqs())
        began = time.monotonic()
        activated = await engine.tick(prices=prices, queue=queue)
        took = time.monotonic() - began
    assert activated == orders
    await engine.triggers.fall_asleep()
    await engine.database.close()
    return took


def _lags(cloud: Cloud, orders: int, seconds: int) -> dict[str, float]:
    """How long after the mocked market has reached its price an order becomes pending; the market is known ahead.

    A price that is there for a moment may be missed, so only those that stay for two intervals count.
    """
    pair, began = Pair("SOL", "USDC"), time.time() + 3
    venues = [venue(Market(_SEED), MockConditions(0, 0)) for venue in (raydium, meteora)]
    path = [max(venue.price_at(pair, began + step / 100) for venue in venues) for step in range(seconds * 100)]
    lowest, highest = min(path), max(path)
    with psycopg.connect(cloud.database_url) as connection:
        for number in range(orders):
            price = (lowest + (highest - lowest) * (number + 1) / (orders + 1)).quantize(Decimal("1e-12"))
            type_ = OrderType.LIMIT if price >= path[0] else OrderType.STOP
            stays_from = _stays_from([here >= price if type_ is OrderType.LIMIT else here <= price for here in path])
            if stays_from is None:
                continue
            parameters = {"type": type_, "token_in": "SOL", "token_out": "USDC", "orders": 1, "step": 0, "price": price}
            connection.execute(_REST, parameters)
            connection.execute(
                "UPDATE orders SET client_order_id = %s WHERE type = %s AND trigger_price = %s",
                (f"{began + stays_from / 100}/{number}", type_, price),
            )
        connection.execute(_FIRST_EVENTS)
    _wake(cloud)
    # Some rest again, because their own size moves the price below their limit.
    not_yet = """
        SELECT count(*) FROM orders o WHERE client_order_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM order_events e WHERE e.order_id = o.id AND e.sequence = 2)"""
    eventually(lambda: scalar(cloud.database_url, not_yet) == 0, "all are activated", seconds=seconds + 30)
    lags = """
        SELECT array_agg(greatest(0, extract(epoch FROM e.at)::float8 - split_part(client_order_id, '/', 1)::float8))
        FROM orders o JOIN order_events e ON e.order_id = o.id AND e.sequence = 2 WHERE client_order_id IS NOT NULL"""
    found = scalar(cloud.database_url, lags)
    return {"lag p50": percentile(found, 50), "lag p99": percentile(found, 99)}


def _stays_from(reached: Sequence[bool]) -> int | None:
    """The first hundredth of a second from which the price stays for longer than two intervals."""
    lasting = 0
    for step, here in enumerate(reached):
        lasting = lasting + 1 if here else 0
        if lasting > _INTERVAL * 200:
            return step - lasting + 1
    return None


def _snipers(cloud: Cloud, orders: int) -> dict[str, float]:
    _rest(cloud.database_url, [Pair("USDC", "MOON")], "sniper", orders)
    _wake(cloud)
    with psycopg.connect(cloud.database_url) as owner:
        owner.execute("INSERT INTO mock_chain.listings (token, venue) VALUES ('MOON', 'raydium')")
    submitted = "SELECT count(*) FROM order_events JOIN orders ON id = order_id WHERE {} AND token_out = 'MOON'"
    submitted = submitted.format("order_events.status = 'submitted'")
    eventually(lambda: scalar(cloud.database_url, submitted) == orders, "all are submitted", seconds=120)
    times = """
        SELECT array_agg(extract(epoch FROM at - (SELECT listed_at FROM mock_chain.listings))::float8)
        FROM order_events e JOIN orders o ON o.id = e.order_id WHERE e.status = 'submitted' AND o.token_out = 'MOON'"""
    found = scalar(cloud.database_url, times)
    return {"snipers p50": percentile(found, 50), "snipers p99": percentile(found, 99)}


def _wake(cloud: Cloud) -> None:
    """Setting a dead man's switch starts the trigger."""
    with client_of(cloud) as http:
        http.post("/api/orders/cancel-after", json={"seconds": 3_600}).raise_for_status()
