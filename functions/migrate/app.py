"""The owner's password → the database's schema is up to date. In the VPC, where Postgres is."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from order_engine.adapters.postgres.migrate import migrate
from order_engine.observability import logger
from order_engine.settings import Settings as BaseSettings


class Settings(BaseSettings):
    """See template.yaml."""

    database_url: str


def handler(event: dict[str, Any], context: LambdaContext) -> list[str]:
    """`{"password": …}`, or `{}` if the URL has it → the names of the migrations that ran. Raises psycopg.Error."""
    ran = migrate(Settings.from_environment().database_url, event.get("password"))
    logger.info("migrated", extra={"migrations": ran})
    return ran
