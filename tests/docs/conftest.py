"""One local cloud for all tests of the documentation."""

from collections.abc import Iterator

import pytest

from tests.cloud import QUICK, Cloud, running_cloud


@pytest.fixture(scope="package")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running local cloud, without the mock's delays."""
    with running_cloud(tmp_path_factory.mktemp("cloud"), **QUICK) as cloud:
        yield cloud
