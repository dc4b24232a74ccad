"""API keys: of the local cloud, and of a stack."""

import json

import boto3
import httpx
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from order_client.cli import app
from order_engine.adapters.api_keys import ApiKeys
from tests.client.conftest import Orders


def test_a_key_from_creation_to_revocation(orders: Orders) -> None:
    key = orders.json("keys", "create", "alice", "--label", "laptop")["key"]
    assert orders.json("list", "--key", key) == []

    known = {item["label"]: item for item in orders.json("keys", "list")}
    assert known["laptop"]["account"] == "alice"
    assert not known["laptop"]["disabled"]
    assert key not in json.dumps(known)

    key_id = known["laptop"]["id"]
    assert orders("keys", "revoke", key_id).stdout == f"revoked {key_id}\n"
    # The HTTP API remembers its authorizer's answer for a minute; the table does not, nor does a new handshake.
    orders("watch", "--key", key, exits=4)
    assert "revoked" in orders("keys", "list").stdout


def test_a_fresh_key_opens_its_own_account(orders: Orders) -> None:
    created = orders("keys", "create", "carol").stdout
    key = created.split()[0]
    mine = orders.json("submit", "SOL", "USDC", "1", "--key", key)["orderId"]
    assert orders.json("show", mine, "--key", key)["orderId"] == mine
    orders("show", mine, exits=1)
    answer = httpx.get(f"{orders.cloud.http_url}/api/orders", headers={"Authorization": f"Bearer {key}"})
    assert [order["orderId"] for order in answer.json()["orders"]] == [mine]


def test_revoking_an_unknown_key_exits_with_1(orders: Orders) -> None:
    assert "no key" in orders("keys", "revoke", "000000000000", exits=1).stderr


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
def test_what_aws_refuses_is_said_in_one_line() -> None:
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
