"""One local cloud for all end-to-end tests, without the mock's delays, and one build."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from order_engine.adapters.api_keys import ApiKeys
from testing.accounts import api_keys
from testing.cloud import QUICK, Cloud, running_cloud
from testing.lambda_runtime import ARCHITECTURE, sam_build


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running local cloud that logs at DEBUG level."""
    with running_cloud(tmp_path_factory.mktemp("cloud"), **QUICK, LOG_LEVEL="DEBUG") as cloud:
        yield cloud


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of sam build for this machine's architecture."""
    return sam_build(tmp_path_factory.mktemp("built"), ARCHITECTURE)


@pytest.fixture(scope="module")
def keys(cloud: Cloud) -> ApiKeys:
    """The cloud's API keys."""
    return api_keys(cloud)


@pytest.fixture(scope="module")
def new_key(keys: ApiKeys) -> Callable[[], str]:
    """Creates a key for a new account, which has no orders yet."""
    return lambda: keys.create(f"account-{uuid4()}", "test")


@pytest.fixture(scope="module")
def anonymous(cloud: Cloud) -> Iterator[httpx.Client]:
    """A client for the HTTP API, without a key."""
    with httpx.Client(base_url=cloud.http_url, timeout=30) as client:
        yield client
