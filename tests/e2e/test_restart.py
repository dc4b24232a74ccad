"""Orders survive a restart of the local cloud."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from testing.cloud import QUICK, client_of, running_cloud, start, stop, wait_until_up
from testing.orders import LIFE, finished, place
from testing.polling import eventually

pytestmark = pytest.mark.reliability


def test_orders_survive_a_restart_and_those_in_flight_finish(tmp_path: Path) -> None:
    slow = {**QUICK, "MOCK_LATENCY": "1"}
    with running_cloud(tmp_path, **QUICK) as cloud, client_of(cloud) as http:
        kept = finished(http, place(http)["orderId"])
    with running_cloud(tmp_path, **slow) as cloud, client_of(cloud) as http:
        in_flight = [place(http)["orderId"] for _ in range(30)]
        eventually(
            lambda: http.get(f"/api/orders/{in_flight[0]}").json()["status"] == "submitted",
            "an order is in flight",
        )
    with running_cloud(tmp_path, **QUICK) as cloud, client_of(cloud) as http:
        assert http.get(f"/api/orders/{kept['orderId']}").json() == kept
        for order_id in in_flight:
            events = finished(http, order_id)["events"]
            assert events[-1]["status"] == "confirmed"
            assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


def test_an_interrupt_leaves_no_process(tmp_path: Path) -> None:
    process = start(tmp_path, **QUICK)
    cloud = wait_until_up(process, tmp_path)
    with client_of(cloud) as http:
        assert [event["status"] for event in finished(http, place(http)["orderId"])["events"]] == LIFE
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 4
    stop(process)
    assert process.returncode == 0
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    assert not (tmp_path / "endpoints.json").exists()


@pytest.mark.parametrize("failure_rate", ["0.3"])
def test_with_failing_venues_every_order_still_ends_once(tmp_path: Path, failure_rate: str) -> None:
    with running_cloud(tmp_path, **{**QUICK, "MOCK_FAILURE_RATE": failure_rate}) as cloud, client_of(cloud) as http:
        orders = [finished(http, order_id) for order_id in [place(http)["orderId"] for _ in range(60)]]
    for order in orders:
        events = order["events"]
        assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
        assert [event["terminal"] for event in events] == [False] * (len(events) - 1) + [True]
        assert order["attempt"] <= 3
    assert any(order["attempt"] > 1 for order in orders)
    assert {order["status"] for order in orders} <= {"confirmed", "failed"}


def test_a_second_cloud_on_the_same_port_fails_with_one_line(tmp_path: Path) -> None:
    with running_cloud(tmp_path / "first", **QUICK) as cloud:
        port = cloud.http_url.rsplit(":", 1)[1]
        second = subprocess.run(
            [sys.executable, "-m", "localcloud"],
            env={"PATH": "/usr/bin:/bin", "PORT": port, "LOCAL_DIR": str(tmp_path / "second")},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert second.returncode == 1
        assert len(second.stderr.strip().splitlines()) == 1
        assert port in second.stderr
        assert httpx.get(f"{cloud.http_url}/health").json() == {"status": "ok"}


def test_the_endpoints_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    with running_cloud(tmp_path, **QUICK):
        file = tmp_path / "endpoints.json"
        assert file.stat().st_mode & 0o077 == 0
        assert json.loads(file.read_text())["apiKey"].startswith("oek_")
