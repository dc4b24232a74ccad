"""Structured logs. Powertools reads its own settings (POWERTOOLS_*) from the environment."""

from aws_lambda_powertools import Logger

from order_engine.domain.errors import EngineError

logger = Logger()


def because(error: EngineError) -> dict[str, str]:
    """An expected error as extra fields of a log line: its code and the driver's own words, without a stack trace."""
    return {"code": error.code, "cause": repr(error.__cause__ or error)}
