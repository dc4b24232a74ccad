"""CloudFormation custom resource → the database's schema is up to date."""

import json
from typing import Any
from urllib.request import Request, urlopen

from aws_lambda_powertools.utilities.typing import LambdaContext

from order_engine.adapters.postgres.migrate import migrate
from order_engine.observability import logger
from order_engine.settings import Settings as BaseSettings


class Settings(BaseSettings):
    """See template.yaml."""

    database_url: str


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Migrate on create and update, do nothing on delete; always answer, or the deployment waits for an hour."""
    try:
        if event["RequestType"] != "Delete":
            logger.info("migrated", extra={"migrations": migrate(Settings.from_environment().database_url)})
    except Exception as error:
        logger.exception("migration failed")
        _answer(event, "FAILED", f"{type(error).__name__}: {error}"[:1000])
    else:
        _answer(event, "SUCCESS", "")


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
