"""Start and stop: a one-line error if the cloud cannot start, no leftover processes, data that survive a restart."""

import json
import os
import signal
import socket
from pathlib import Path

import boto3
import httpx
import psutil
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from running import RunningCloud, spawn, start, until

AWS = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1")


def family(pid: int) -> list[psutil.Process]:
    """Every process of a cloud: itself and its descendants."""
    cloud = psutil.Process(pid)
    return [cloud, *cloud.children(recursive=True)]


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def fails(directory: Path, **environment: str) -> str:
    """The output of a cloud that fails to start."""
    process = spawn(directory / "failing", **{"LOCAL_DIR": str(directory), **environment})
    assert process.wait(30) == 1
    return (directory / "failing" / "output.txt").read_text()


def test_a_port_in_use_is_reported_in_one_line(directory: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        output = fails(directory, PORT=str(server.getsockname()[1]))
    assert output.startswith("local cloud: port ")
    assert "is in use" in output
    assert len(output.splitlines()) == 1
    assert not (directory / "postgres").exists()


def test_a_second_cloud_on_the_same_directory_is_reported_in_one_line(cloud: RunningCloud) -> None:
    output = fails(cloud.directory)
    assert output.splitlines() == [
        f"local cloud: a local cloud already runs on {cloud.directory}: stop it or set LOCAL_DIR"
    ]
    assert httpx.get(f"{cloud.url}/echo/1").status_code == 200


def test_a_failed_custom_resource_is_reported_in_one_line_and_leaves_no_process(directory: Path) -> None:
    output = fails(directory, DEPLOY_STATUS="FAILED")
    lines = [line for line in output.splitlines() if not line.startswith("BrokenFunction")]
    assert lines == ["local cloud: Deploy failed: as requested"]
    assert not [process for process in psutil.process_iter() if str(directory) in " ".join(_command(process))]


@pytest.mark.parametrize("setting", [{"PORT": "many"}, {"LOCAL_CONCURRENCY": "0"}, {"WORK_VISIBILITY": "x"}])
def test_an_invalid_setting_is_reported_in_one_line(directory: Path, setting: dict[str, str]) -> None:
    output = fails(directory, **setting)
    assert next(iter(setting)) in output
    assert len(output.splitlines()) == 1


def test_a_restart_keeps_the_data_and_leaves_no_process(directory: Path) -> None:
    first = start(directory)
    queue, key = first.endpoints["queues"]["WorkQueue"], first.endpoints["exampleKey"]
    processes = family(first.process.pid)
    with psycopg.connect(first.endpoints["databaseUrl"]) as database:
        database.execute("CREATE TABLE kept (id int)")
    sqs = AWS.client("sqs", endpoint_url=first.endpoints["awsEndpointUrl"])
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=3)
    sqs.close()
    assert first.stop() == 0, first.output()
    assert living(processes) == []
    assert not (directory / "endpoints.json").exists()

    second = start(directory, GREETING="again")
    try:
        assert second.endpoints["exampleKey"] == key
        assert second.endpoints["databaseUrl"] == first.endpoints["databaseUrl"]
        assert httpx.get(f"{second.url}/echo/1").json()["environment"]["GREETING"] == "again"
        with psycopg.connect(second.endpoints["databaseUrl"], autocommit=True) as database:
            database.execute("SELECT FROM kept")
            deploys = database.execute("SELECT body FROM seen WHERE kind = 'deploy' ORDER BY id").fetchall()
            assert [json.loads(body)["RequestType"] for (body,) in deploys] == ["Create", "Update"]
            query = "SELECT FROM seen WHERE kind = 'message' AND body LIKE '%%later%%'"
            until(lambda: database.execute(query).fetchone() is not None)
    finally:
        assert second.stop(signal.SIGTERM) == 0, second.output()


def test_a_message_in_flight_at_the_shutdown_is_redelivered(directory: Path) -> None:
    first = start(directory, WORK_VISIBILITY="300")
    sqs = AWS.client("sqs", endpoint_url=first.endpoints["awsEndpointUrl"])
    sqs.send_message(QueueUrl=first.endpoints["queues"]["WorkQueue"], MessageBody="sleep 4.5")
    sqs.close()
    query = "SELECT count(*) FROM seen WHERE kind = 'message'"
    with psycopg.connect(first.endpoints["databaseUrl"], autocommit=True) as database:
        until(lambda: database.execute(query).fetchone() == (1,))
    assert first.stop() == 0, first.output()
    second = start(directory, WORK_VISIBILITY="300")
    try:
        with psycopg.connect(second.endpoints["databaseUrl"], autocommit=True) as database:
            until(lambda: database.execute(query).fetchone() == (2,))
    finally:
        second.stop()


def test_websockets_are_closed_when_the_emulator_has_lost_its_tables(directory: Path) -> None:
    running = start(directory)
    handshake = {"uri": running.endpoints["webSocketUrl"], "additional_headers": {"Authorization": "good"}}
    try:
        with connect(**handshake) as socket:
            processes = family(running.process.pid)
            next(process for process in processes if "emulator_main" in " ".join(_command(process))).kill()
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=20)
            assert closed.value.rcvd and closed.value.rcvd.code == 1001
        with connect(**handshake):
            pass
    finally:
        running.stop()


def test_a_killed_cloud_leaves_no_environment_and_the_next_one_recovers(directory: Path) -> None:
    first = start(directory)
    processes = family(first.process.pid)
    environments = [process for process in processes if any("bootstrap.py" in part for part in process.cmdline())]
    assert environments
    first.process.kill()
    first.process.wait()
    until(lambda: not living(environments))
    second = start(directory)
    assert httpx.get(f"{second.url}/echo/1").status_code == 200
    processes += family(second.process.pid)
    assert second.stop() == 0, second.output()
    assert living(processes) == []


def test_a_second_interrupt_kills_every_process_immediately(directory: Path) -> None:
    running = start(directory)
    processes = family(running.process.pid)
    with pytest.raises(httpx.TimeoutException):  # the request keeps running and delays the first shutdown
        httpx.post(f"{running.url}/act", json={"sleep": 0.9}, timeout=0.1)
    running.process.send_signal(signal.SIGINT)
    until(lambda: "Stopping" in running.output())
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(5) in (130, 0)
    until(lambda: not living(processes))


def test_an_interrupt_during_the_start_leaves_no_process(directory: Path) -> None:
    process = spawn(directory)
    until((directory / "postgres").exists)
    processes = family(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0, (directory / "output.txt").read_text()
    assert living(processes) == []


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if process.pid != os.getpid() else []
    except psutil.Error:
        return []
