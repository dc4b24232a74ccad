"""One local cloud for all end-to-end tests, without the mock's delays, and one build."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import QUICK, Cloud, running_cloud
from tests.lambda_runtime import ARCHITECTURE, sam_build


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running local cloud that logs at DEBUG level."""
    with running_cloud(tmp_path_factory.mktemp("cloud"), **QUICK, LOG_LEVEL="DEBUG") as cloud:
        yield cloud


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of sam build for this machine's architecture."""
    return sam_build(tmp_path_factory.mktemp("built"), ARCHITECTURE)
