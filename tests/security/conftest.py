"""One local cloud for the security tests, without the mock's delays."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import httpx
import pytest

from order_engine.adapters.api_keys import ApiKeys
from tests.accounts import api_keys
from tests.cloud import QUICK, Cloud, running_cloud


@pytest.fixture(scope="package")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running local cloud."""
    with running_cloud(tmp_path_factory.mktemp("cloud"), **QUICK) as cloud:
        yield cloud


@pytest.fixture(scope="package")
def keys(cloud: Cloud) -> ApiKeys:
    """The cloud's API keys."""
    return api_keys(cloud)


@pytest.fixture(scope="package")
def new_key(keys: ApiKeys) -> Callable[[], str]:
    """Creates a key for a new account, which has no orders yet."""
    return lambda: keys.create(f"account-{uuid4()}", "test")


@pytest.fixture(scope="package")
def anonymous(cloud: Cloud) -> Iterator[httpx.Client]:
    """A client for the HTTP API, without a key."""
    with httpx.Client(base_url=cloud.http_url, timeout=30) as client:
        yield client
