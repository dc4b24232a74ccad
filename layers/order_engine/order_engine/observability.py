"""Structured logs. Powertools reads its own settings (POWERTOOLS_*) from the environment."""

from aws_lambda_powertools import Logger

logger = Logger()
