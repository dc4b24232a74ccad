"""Deploys the template to a CloudFormation emulator: the stack is created, migrated and deleted, or rolled back.

docs/deploy.md lists what the emulator does not support.
"""

import io
import json
import os
import subprocess
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError

from localcloud.ports import stable_port
from localcloud.postgres import Postgres, address, functions_password
from testing.polling import eventually
from tests.contract.deployed import ROOT, transformed

MIGRATIONS = ROOT / "layers/order_engine/order_engine/adapters/postgres/migrations"

BUCKET = "artifacts"
Service = Literal["cloudformation", "dynamodb", "s3"]
Client = Callable[[Service], Any]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Creates clients for an emulator that runs the functions with the packages of this environment."""
    home = tmp_path_factory.mktemp("emulator")
    port = stable_port(home / "port")
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "PYTHONPATH": sysconfig.get_path("platlib"),
    }
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")

    def client(service: Service) -> Any:
        return session.client(service, endpoint_url=f"http://127.0.0.1:{port}")

    def is_up() -> bool:
        assert process.poll() is None, (home / "log").read_text()
        try:
            client("s3").create_bucket(Bucket=BUCKET)
        except Exception:
            return False
        return True

    with (home / "log").open("wb") as log:
        command = [str(ROOT / ".tools/ministack/bin/python"), "-m", "ministack"]
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    try:
        eventually(is_up, "the emulator answers", 30)
        upload(client("s3"))
        yield client
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server whose database has not been migrated."""
    server = Postgres(tmp_path_factory.mktemp("unmigrated"), database="orders", owner="orders_owner")
    server.start()
    yield server
    server.stop()


def upload(s3: Any) -> None:
    """Upload the functions and the layer as `sam package` does, but without the layer's dependencies."""
    for folder in [*ROOT.glob("functions/*"), ROOT / "layers/order_engine"]:
        prefix = Path("python") if folder.parent.name == "layers" else Path()
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            for file in folder.rglob("*"):
                if file.is_file() and "__pycache__" not in file.parts:
                    zipped.write(file, prefix / file.relative_to(folder))
        s3.put_object(Bucket=BUCKET, Key=str(folder.relative_to(ROOT)), Body=archive.getvalue())


def deploy(aws: Client, stack: str, owner_url: str) -> dict[str, Any]:
    """Create the stack with this owner of its database; returns the description of the stack when it is done."""
    endpoint = aws("s3").meta.endpoint_url
    parameters = {
        "AwsEndpointUrl": endpoint,
        "DatabaseAddress": address(owner_url),
        "DatabasePassword": functions_password(owner_url),
        "DatabaseOwnerUrl": owner_url,
        # Their defaults are numbers, which the emulator would pass to functions as numbers instead of strings.
        "DatabaseMaxConnections": "100",
        "WorkerConcurrency": "20",
        "ConfirmerConcurrency": "5",
    }
    template = transformed(parameters, {}, bucket=BUCKET)
    del template["Resources"]["WebSocketDefaultRouteResponse"]  # of a type that the emulator does not support
    for watching in ("FunctionAlarms", "Monitoring"):  # nor does it support alarms on metric math
        del template["Resources"][watching]
    del template["Outputs"]["Dashboard"]
    aws("s3").put_object(Bucket=BUCKET, Key=f"{stack}.json", Body=json.dumps(template))
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=f"{endpoint}/{BUCKET}/{stack}.json",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )

    def look() -> dict[str, Any] | None:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return None if found["StackStatus"].endswith("IN_PROGRESS") else dict(found)

    return eventually(look, f"{stack} is created or rolled back", 60)


def failures(aws: Client, stack: str) -> dict[str, str]:
    """The reasons why resources could not be created."""
    events = aws("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return {
        event["LogicalResourceId"]: event["ResourceStatusReason"]
        for event in events
        if event["ResourceStatus"] == "CREATE_FAILED"
    }


def test_a_failed_migration_rolls_back_the_stack_and_reports_the_reason(aws: Client, postgres: Postgres) -> None:
    """A role that may only log in has no permission to migrate."""
    with psycopg.connect(postgres.owner_url()) as owner:
        owner.execute("CREATE ROLE visitor LOGIN PASSWORD 'word'")
    stack = deploy(aws, "broken", f"postgresql://visitor:word@{address(postgres.owner_url())}")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "permission denied for schema public" in failures(aws, "broken")["Migration"]
    events = aws("cloudformation").describe_stack_events(StackName="broken")["StackEvents"]
    created = {event["LogicalResourceId"] for event in events if event["ResourceStatus"] == "CREATE_COMPLETE"}
    assert not created & {"ApiFunction", "WorkerFunction", "WebSocketFunction", "SweeperFunction", "DeadLetterFunction"}


def test_a_stack_is_created_migrated_and_deleted(aws: Client, postgres: Postgres) -> None:
    stack = deploy(aws, "whole", postgres.owner_url())
    assert stack["StackStatus"] == "CREATE_COMPLETE", failures(aws, "whole")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert outputs["HttpUrl"].startswith("https://")
    assert outputs["WebSocketUrl"].endswith("/live")
    with psycopg.connect(postgres.owner_url()) as owner:
        assert owner.execute("SELECT count(*) FROM schema_migrations").fetchone() == (
            len(list(MIGRATIONS.glob("*.sql"))),
        )
        limited = owner.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'order_engine%' AND rolconnlimit > 0")
        assert limited.fetchone() == (3,)

    program, *arguments = outputs["FirstKeyCommand"].split()
    endpoint = {
        "AWS_ENDPOINT_URL": aws("s3").meta.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    done = subprocess.run(
        [ROOT / program, *arguments], env={**os.environ, **endpoint}, capture_output=True, text=True, check=True
    )
    assert "oek_" in done.stdout
    (key,) = aws("dynamodb").scan(TableName=outputs["ApiKeysTableName"])["Items"]
    assert key["account"]["S"] == "my-account"

    aws("cloudformation").delete_stack(StackName="whole")

    def is_deleted() -> bool:
        try:
            (found,) = aws("cloudformation").describe_stacks(StackName="whole")["Stacks"]
        except ClientError:
            return True
        return bool(found["StackStatus"] == "DELETE_COMPLETE")

    eventually(is_deleted, "the stack is deleted", 30)
