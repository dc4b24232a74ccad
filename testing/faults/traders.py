"""A client that places all types of orders, replaces and cancels some at random moments, and remembers each answer."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import aiohttp
import psycopg

from order_engine.domain.lifecycle import Status
from testing.cloud import Cloud
from testing.faults import clients

_CANCELLED_SHARE = 0.1
_REPLACED_SHARE = 0.3  # of limit and stop orders
_WITHIN = (-2, 0.5)  # 10 ms to 3 s after the order was accepted, as powers of ten: often while it is executed
_ENDS = {Status.CONFIRMED, Status.CANCELLED}

Document = dict[str, Any]


@dataclass
class Trader:
    """Trades SOL for USDC around the market's price. Every order is repeated until it is accepted."""

    cloud: Cloud
    session: aiohttp.ClientSession
    random: Random
    market_price: float = 0
    accepted: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    """How often each request to replace or cancel was answered how."""
    shown: list[Document] = field(default_factory=list)
    """The orders as they were shown in these answers."""
    cancelled: dict[str, int] = field(default_factory=dict)
    """The sequence numbers of cancelled orders, which must remain their last."""
    already_submitted: dict[str, int] = field(default_factory=dict)
    """The sequence numbers of orders after which no further attempt may begin."""

    async def find_market_price(self) -> None:
        """Read the current price, before any order is placed."""
        status, quotes = await self._ask("GET", "/api/quotes?tokenIn=SOL&tokenOut=USDC&amount=1")
        assert status == 200, quotes
        self.market_price = float(quotes["quotes"][0]["price"])

    async def place(self, key: str) -> Document:
        """Place an order; returns it with its id."""
        order = self._new_order()
        order_id = (await clients.place(self.cloud, self.session, key, order)).order_id
        self.accepted.append(order_id)
        return {**order, "orderId": order_id}

    async def change(self, order: Document) -> None:
        """Replace and cancel the order at random moments, if it is one of those."""
        if order.keys() & {"limitPrice", "stopPrice"} and self.random.random() < _REPLACED_SHARE:
            await self._wait()
            await self._replace(order["orderId"], order["orderType"])
        if self.random.random() < _CANCELLED_SHARE:
            await self._wait()
            await self._cancel(order["orderId"])

    async def cancel_resting(self) -> None:
        """Cancel all orders that rest now."""
        complete = False
        while not complete:
            status, answer = await self._ask("DELETE", "/api/orders?status=resting")
            assert status == 200, answer
            self.answers["cancelled with others"] += len(answer["cancelled"])
            complete = answer["complete"]

    def untrue_answers(self) -> list[str]:
        """What the trader was told and what is not so, according to the database."""
        with psycopg.connect(self.cloud.database_url) as connection:
            rows = connection.execute("SELECT order_id::text, sequence, status FROM order_events ORDER BY sequence")
            events: dict[str, dict[int, str]] = {}
            for order_id, sequence, status in rows:
                events.setdefault(order_id, {})[sequence] = status
        wrong = [
            f"{order['orderId']} #{order['sequence']} was shown as {order['status']}"
            for order in self.shown
            if events[order["orderId"]].get(order["sequence"]) != order["status"]
        ]
        wrong += [
            f"{order_id} was cancelled at #{sequence}, but had further events"
            for order_id, sequence in self.cancelled.items()
            if max(events[order_id]) != sequence
        ]
        wrong += [
            f"{order_id} was already submitted at #{sequence}, but another attempt began"
            for order_id, sequence in self.already_submitted.items()
            if not {status for number, status in events[order_id].items() if number > sequence} <= _ENDS
        ]
        return wrong

    def _new_order(self) -> Document:
        """Half are market orders. Prices are forced, because the market moves while a request is repeated."""
        at, expires_at = self.market_price, datetime.now(UTC) + timedelta(seconds=self.random.uniform(30, 60))
        limit, stop = {"orderType": "limit", "force": True}, {"orderType": "stop", "force": True}
        orders: list[tuple[int, Document]] = [
            (10, {}),
            (4, {**limit, "limitPrice": _price(at * self.random.uniform(0.998, 1.002))}),
            (1, {**limit, "limitPrice": _price(at * 2)}),
            (1, {**limit, "limitPrice": _price(at * 2), "expiresAt": expires_at.isoformat(timespec="milliseconds")}),
            (3, {**stop, "stopPrice": _price(at * self.random.uniform(0.998, 1.002))}),
            (1, {**stop, "stopPrice": _price(at / 2)}),
            (1, {"orderType": "sniper", "tokenIn": "USDC", "tokenOut": "MOON"}),
        ]
        ((_, order),) = self.random.choices(orders, [weight for weight, _ in orders])
        return {**clients.ORDER, **order}

    async def _replace(self, order_id: str, type_: str) -> None:
        """Move the order to the market, with another amount."""
        terms = {f"{type_}Price": _price(self.market_price), "amount": 2, "force": True}
        status, answer = await self._ask("PATCH", f"/api/orders/{order_id}", terms)
        if status == 200:
            self._show("replaced", answer)
        else:
            assert (status, answer["code"]) == (409, "not_resting"), answer
            self._show("not replaced: not resting", answer["order"])

    async def _cancel(self, order_id: str) -> None:
        status, answer = await self._ask("DELETE", f"/api/orders/{order_id}")
        if status == 200:
            self._show("cancelled", answer)
            assert answer["status"] == Status.CANCELLED, answer
            self.cancelled[order_id] = answer["sequence"]
            return
        assert status == 409, answer
        self._show(f"not cancelled: {answer['code'].replace('_', ' ')}", answer["order"])
        if answer["code"] == "already_submitted":
            self.already_submitted[order_id] = answer["order"]["sequence"]
        else:
            assert (answer["code"], answer["order"]["terminal"]) == ("already_finished", True), answer

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Document]:
        return await clients.until_answered(self.cloud, self.session, method, path, body)

    def _show(self, answer: str, order: Document) -> None:
        self.answers[answer] += 1
        self.shown.append(order)

    async def _wait(self) -> None:
        await asyncio.sleep(10 ** self.random.uniform(*_WITHIN))


def _price(price: float) -> str:
    return f"{price:.6f}"
