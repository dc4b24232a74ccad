"""One local cloud for all end-to-end tests, without the mock's delays."""

from collections.abc import Iterator

import httpx
import pytest

from tests.cloud import Cloud, running_cloud

# Retries and recoveries take seconds here, not the minutes that they may take on AWS.
QUICK = {
    "MOCK_LATENCY": "0",
    "WORKER_TIMEOUT": "10",
    "LEASE_SECONDS": "12",
    "ORDERS_VISIBILITY_TIMEOUT": "15",
    "SWEEP_SCHEDULE": "rate(2 seconds)",
    "BACKOFF_SECONDS": "0",
    "LOCAL_CONCURRENCY": "4",
}


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running local cloud."""
    with running_cloud(tmp_path_factory.mktemp("cloud"), **QUICK) as cloud:
        yield cloud


@pytest.fixture
def http(cloud: Cloud) -> Iterator[httpx.Client]:
    """A client of the HTTP API with the dev key."""
    with httpx.Client(base_url=cloud.http_url, headers=cloud.headers, timeout=15) as client:
        yield client
