"""Engines on a real Postgres, and an emulated AWS."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from moto.server import ThreadedMotoServer

from order_engine.adapters import aws as aws_calls
from testing.engine import Engine, Prices

NewEngine = Callable[..., Engine]


@pytest.fixture
async def new_engine(database_url: str) -> AsyncIterator[NewEngine]:
    """Creates engines with the given settings, all on the test's own database: each acts as another worker."""
    engines: list[Engine] = []

    def new_engine(**settings: Any) -> Engine:
        engine = Engine(database_url, **settings)
        engines.append(engine)
        return engine

    yield new_engine
    for engine in engines:
        await engine.database.close()


@pytest.fixture
async def engine(new_engine: NewEngine) -> Engine:
    """An engine with the default settings, on the test's own database."""
    return new_engine()


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
    """An empty AWS account, for the engine's calls and for boto3's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    aws_calls._session.cache_clear()
    yield
    aws_calls._session.cache_clear()
    httpx.post(f"{moto}/moto-api/reset").raise_for_status()


@pytest.fixture
def prices() -> Prices:
    """A feed without any price yet."""
    return Prices()
