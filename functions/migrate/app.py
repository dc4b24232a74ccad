"""Migrates the schema and sets the roles' limits, as the database's owner. Runs in the VPC, like Postgres."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from order_engine.adapters.postgres.migrate import migrate
from order_engine.adapters.postgres.roles import RoleSettings, configure_roles
from order_engine.observability import logger
from order_engine.settings import Settings as BaseSettings


class Settings(BaseSettings):
    """See template.yaml."""

    database_url: str
    functions_password: str
    database_max_connections: int
    worker_concurrency: int
    confirmer_concurrency: int
    idle_session_seconds: int


def handler(event: dict[str, Any], context: LambdaContext) -> list[str]:
    """`{"password": …}`, or `{}` if it is in the URL → the names of the migrations that ran.

    Raises psycopg.Error, and ValueError if there are too few connections for all roles.
    """
    settings = Settings.from_environment()
    password = event.get("password")
    ran = migrate(settings.database_url, password)
    limits = configure_roles(
        settings.database_url,
        password,
        RoleSettings(
            max_connections=settings.database_max_connections,
            execution_concurrency=settings.worker_concurrency + settings.confirmer_concurrency,
            idle_session_seconds=settings.idle_session_seconds,
            password=settings.functions_password,
        ),
    )
    logger.info("migrated", extra={"migrations": ran, "connection_limits": limits})
    return ran
