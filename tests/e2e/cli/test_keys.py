"""API keys of the local cloud and of a deployed stack."""

import json

import boto3
import httpx
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from order_admin.app import app
from order_engine.adapters.api_keys import ApiKeys
from tests.e2e.cli.conftest import CommandLine


def test_a_key_from_creation_to_revocation(orders: CommandLine, admin: CommandLine) -> None:
    key = admin.json("keys", "create", "alice", "--label", "laptop")["key"]
    assert orders.json("list", "--key", key) == []

    known = {item["label"]: item for item in admin.json("keys", "list")}
    assert known["laptop"]["account"] == "alice"
    assert not known["laptop"]["disabled"]
    assert key not in json.dumps(known)

    key_id = known["laptop"]["id"]
    assert admin("keys", "revoke", key_id).stdout == f"revoked {key_id}\n"
    # The HTTP API caches the authorizer's response for a minute; WebSocket handshakes are never cached.
    orders("watch", "--key", key, exits=4)
    assert "revoked" in admin("keys", "list").stdout


def test_a_new_key_gives_access_to_its_own_account(orders: CommandLine, admin: CommandLine) -> None:
    created = admin("keys", "create", "carol").stdout
    key = created.split()[0]
    mine = orders.json("submit", "SOL", "USDC", "1", "--key", key)["orderId"]
    assert orders.json("show", mine, "--key", key)["orderId"] == mine
    orders("show", mine, exits=1)
    answer = httpx.get(f"{orders.cloud.http_url}/api/orders", headers={"Authorization": f"Bearer {key}"})
    assert [order["orderId"] for order in answer.json()["orders"]] == [mine]


def test_revoking_an_unknown_key_exits_with_1(admin: CommandLine) -> None:
    assert "no key" in admin("keys", "revoke", "000000000000", exits=1).stderr


@pytest.fixture
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


TEMPLATE = {
    "Resources": {
        "ApiKeysTable": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "the-keys",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "keyHash", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "keyHash", "KeyType": "HASH"}],
            },
        }
    },
    "Outputs": {"ApiKeysTableName": {"Value": {"Ref": "ApiKeysTable"}}},
}


@pytest.mark.usefixtures("_aws")
@pytest.mark.parametrize("where", [["--stack", "engine"], ["--table", "the-keys"]])
def test_keys_of_a_deployed_stack(where: list[str]) -> None:
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName="engine", TemplateBody=json.dumps(TEMPLATE))
        created = CliRunner().invoke(app, ["keys", "create", "dave", *where, "--json"])
        assert json.loads(created.stdout)["key"]
        assert [key.account for key in ApiKeys("the-keys", boto3.client("dynamodb")).all()] == ["dave"]


@pytest.mark.usefixtures("_aws")
def test_aws_errors_name_their_cause() -> None:
    with mock_aws():
        missing = CliRunner().invoke(app, ["keys", "list", "--stack", "nowhere"])
        assert missing.exit_code == 1
        assert "nowhere" in missing.stderr
        boto3.client("cloudformation").create_stack(
            StackName="old", TemplateBody=json.dumps({**TEMPLATE, "Outputs": {}})
        )
        without = CliRunner().invoke(app, ["keys", "list", "--stack", "old"])
        assert without.exit_code == 3
        assert "ApiKeysTableName" in without.stderr
