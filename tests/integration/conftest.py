"""The engine on a real Postgres, and what stands for AWS."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from moto.server import ThreadedMotoServer

from order_engine.adapters import aws as aws_calls
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


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The URL of an emulated AWS."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS account with nothing in it, for the engine's calls and for boto3's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    aws_calls._session.cache_clear()
    yield
    aws_calls._session.cache_clear()
    httpx.post(f"{moto}/moto-api/reset").raise_for_status()
