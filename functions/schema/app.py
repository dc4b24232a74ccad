"""CloudFormation custom resource that has `migrate` bring the database's schema up to date."""

import json
from typing import Any
from urllib.request import Request, urlopen

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from order_engine.observability import logger
from order_engine.settings import Settings as BaseSettings

# Longer than migrate may take, and without retries: a second call would only wait for the first one's lock.
_ONCE = Config(read_timeout=130, retries={"total_max_attempts": 1})


class Settings(BaseSettings):
    """See template.yaml."""

    migrate_function: str
    owner_secret: str


class MigrationFailed(Exception):
    """The error that `migrate` reported."""


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Migrate on create and update, not on delete. Always responds: otherwise the deployment waits for its timeout."""
    try:
        if event["RequestType"] != "Delete":
            _migrate(Settings.from_environment())
    except Exception as error:
        logger.exception("migration failed")
        _answer(event, "FAILED", f"{type(error).__name__}: {error}"[:1000])
    else:
        _answer(event, "SUCCESS", "")


def _migrate(settings: Settings) -> None:
    payload = {"password": _password(settings.owner_secret)} if settings.owner_secret else {}
    lambdas = boto3.client("lambda", config=_ONCE)
    answer = lambdas.invoke(FunctionName=settings.migrate_function, Payload=json.dumps(payload))
    result = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise MigrationFailed(f"{result.get('errorType', 'Error')}: {result['errorMessage']}")
    logger.info("migrated", extra={"migrations": result})


def _password(secret: str) -> str:
    text = boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    return str(json.loads(text)["password"])


def _answer(event: dict[str, Any], status: str, reason: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html"""
    answer = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": "order-engine-schema",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = Request(event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")
    with urlopen(request, timeout=30):  # nosec B310 # the URL is CloudFormation's
        pass
