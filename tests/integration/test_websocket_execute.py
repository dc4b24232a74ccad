"""`execute` on the WebSocket: whatever fails, the response shows whether an order was placed."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from order_engine.domain.errors import ConnectionsUnavailable, DatabaseUnavailable, OutcomeUnknown
from order_engine.domain.orders import NewOrder
from testing.engine import ACCOUNT, Engine
from testing.function_modules import function_modules

SOL = {"action": "execute", "tokenIn": "SOL", "tokenOut": "USDC", "amount": "1"}


@dataclass
class Table:
    """The connections table; unavailable after `works_for` calls."""

    works_for: int = 1_000
    topics: list[str] = field(default_factory=list)

    def add(self, topic: str, connection_id: str) -> None:
        """As Connections.add."""
        if len(self.topics) == self.works_for:
            raise ConnectionsUnavailable()
        self.topics.append(topic)


@pytest.fixture
def messages() -> Iterator[Any]:
    """The module `messages` of the function."""
    with function_modules("websocket", "composition", "messages") as modules:
        yield modules["messages"]


async def execute(messages: Any, engine: Engine, table: Table, **changes: Any) -> Any:
    parts = {"submitter": engine.submitter(), "orders": engine.orders, "connections": table}
    message = json.dumps({**SOL, **changes.pop("message", {})})
    return await messages.answer(message, "connection=", ACCOUNT, SimpleNamespace(**{**parts, **changes}))


def placed(engine: Engine) -> list[str]:
    return [str(row["id"]) for row in engine.sql("SELECT id FROM orders")]


async def test_nothing_is_placed_while_the_connections_table_is_unavailable(engine: Engine, messages: Any) -> None:
    for _ in range(3):
        frame = await execute(messages, engine, Table(works_for=0))
        assert (frame["type"], frame["status"], frame["code"]) == ("error", 503, "connections_unavailable")
        assert "orderId" not in frame
    assert placed(engine) == []
    frame = await execute(messages, engine, Table())
    assert placed(engine) == [frame["orderId"]]


async def test_the_connection_is_subscribed_before_the_order_is_placed(engine: Engine, messages: Any) -> None:
    table = Table()

    async def submit(new: NewOrder) -> Any:
        assert table.topics == [f"order#{ACCOUNT}#{new.id}"]
        return await engine.submitter().submit(new)

    frame = await execute(messages, engine, table, submitter=SimpleNamespace(submit=submit))
    assert (frame["type"], frame["status"], frame["replayed"]) == ("snapshot", "pending", False)
    assert [event["sequence"] for event in frame["events"]] == [1]
    assert placed(engine) == [frame["orderId"]]


async def test_a_placed_order_is_acknowledged_even_if_the_database_becomes_unavailable(
    engine: Engine, messages: Any
) -> None:
    class UnavailableOrders:
        async def get(self, *_: Any) -> None:
            raise DatabaseUnavailable()

    frame = await execute(messages, engine, Table(), orders=UnavailableOrders())
    assert (frame["type"], frame["orderId"]) == ("snapshot", placed(engine)[0])


async def test_an_unknown_outcome_names_the_order_and_keeps_the_subscription(engine: Engine, messages: Any) -> None:
    table = Table()

    async def submit(new: NewOrder) -> Any:
        raise OutcomeUnknown(new.id)

    frame = await execute(messages, engine, table, submitter=SimpleNamespace(submit=submit))
    assert (frame["type"], frame["status"], frame["code"]) == ("error", 503, "outcome_unknown")
    assert table.topics == [f"order#{ACCOUNT}#{frame['orderId']}"]


async def test_a_repeated_request_that_cannot_be_subscribed_names_its_order(engine: Engine, messages: Any) -> None:
    key = {"message": {"clientOrderId": str(uuid4())}}
    first = await execute(messages, engine, Table(), **key)
    again = await execute(messages, engine, Table(works_for=1), **key)
    assert (again["type"], again["code"]) == ("error", "connections_unavailable")
    assert again["orderId"] == first["orderId"]
    third = await execute(messages, engine, Table(), **key)
    assert (third["type"], third["replayed"], third["orderId"]) == ("snapshot", True, first["orderId"])


async def test_concurrent_requests_with_the_same_key_place_one_order(engine: Engine, messages: Any) -> None:
    key = {"clientOrderId": str(uuid4())}
    frames = await asyncio.gather(*(execute(messages, engine, Table(), message=key) for _ in range(10)))
    assert {frame["orderId"] for frame in frames} == set(placed(engine))
