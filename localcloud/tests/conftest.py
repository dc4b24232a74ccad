"""One running cloud for all tests that do not need their own."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import psycopg
import pytest

from running import Aws, RunningCloud, start, temporary_directory


@pytest.fixture(scope="session")
def cloud() -> Iterator[RunningCloud]:
    with temporary_directory() as directory:
        running = start(directory, TICK_SCHEDULE="rate(1 second)", USER_SECRET="not for functions")
        yield running
        assert running.stop() == 0, running.output()


@pytest.fixture
def directory() -> Iterator[Path]:
    with temporary_directory() as path:
        yield path


@pytest.fixture(scope="session")
def database(cloud: RunningCloud) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cloud.endpoints["databaseUrl"], autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def aws(cloud: RunningCloud) -> Aws:
    """Creates clients for the emulator."""
    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1")
    return lambda service, url=cloud.endpoints["awsEndpointUrl"]: session.client(service, endpoint_url=url)
