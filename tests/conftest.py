"""Fixtures that more than one kind of test needs."""

import signal
from collections.abc import Iterator

import httpx
import pytest

from testing.cloud import Cloud, client_of
from testing.postgres import TestServer

# A job that a shell runs in the background ignores SIGINT, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """A Postgres server for the whole session."""
    server = TestServer(tmp_path_factory.mktemp("postgres"), fsync=False)
    yield server
    server.stop()


@pytest.fixture
def database_url(postgres_server: TestServer) -> Iterator[str]:
    """A migrated database of the test's own."""
    with postgres_server.fresh_copy() as url:
        yield url


@pytest.fixture
def http(cloud: Cloud) -> Iterator[httpx.Client]:
    """A client of the HTTP API of the package's cloud, with the dev key."""
    with client_of(cloud) as client:
        yield client
