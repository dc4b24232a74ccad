"""What `sam local invoke` needs to reach the running cloud from a container."""

import json
import sys
from pathlib import Path

import httpx
import psycopg
import pytest

from testing.cloud import QUICK, running_cloud


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no second loopback address")
def test_services_are_reachable_through_the_docker_gateway_only_if_it_is_set(tmp_path: Path) -> None:
    with running_cloud(tmp_path, **QUICK, DOCKER_GATEWAY="127.0.0.2") as cloud:
        through_the_gateway = cloud.database_url.replace("127.0.0.1", "127.0.0.2")
        with psycopg.connect(through_the_gateway) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        for url in (f"{cloud.http_url}/health", cloud.aws_url):
            assert httpx.get(url.replace("127.0.0.1", "127.0.0.2")).status_code < 500
    with running_cloud(tmp_path, **QUICK) as cloud, pytest.raises(httpx.ConnectError):
        httpx.get(cloud.http_url.replace("127.0.0.1", "127.0.0.2"))


def test_the_functions_variables_are_written_for_use_in_containers(tmp_path: Path) -> None:
    with running_cloud(tmp_path, **QUICK):
        file = tmp_path / "sam-env.json"
        variables = json.loads(file.read_text())
        assert file.stat().st_mode & 0o077 == 0
        assert "127.0.0.1" not in file.read_text()
        worker = variables["WorkerFunction"]
        assert all("host.docker.internal" in worker[name] for name in ("DATABASE_URL", "AWS_ENDPOINT_URL"))
        assert worker["MOCK_LATENCY"] == "0"
