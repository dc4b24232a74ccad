"""The engine on a real Postgres."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from tests.engine import Engine

Scenario = Callable[[Engine], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture
def play(database_url: str) -> Iterator[Play]:
    """Run a scenario, an async function of an engine, on a database of its own."""

    async def _play(scenario: Scenario, settings: dict[str, Any]) -> None:
        engine = Engine(database_url, **settings)
        try:
            await scenario(engine)
        finally:
            await engine.database.close()

    def play(scenario: Scenario, **settings: Any) -> None:
        asyncio.run(_play(scenario, settings))

    yield play
