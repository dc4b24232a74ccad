"""Structured logs, with `order_id` on every line of an order's path. Powertools reads POWERTOOLS_* by itself.

Every line also carries `xray_trace_id`. Tracing is Lambda's own: botocore hands an invocation's trace on to SQS in the
header X-Amzn-Trace-Id, so the X-Ray SDK, which takes 150 ms to import, is not needed for it.
"""

from aws_lambda_powertools import Logger

from order_engine.domain.errors import EngineError

logger = Logger()


def error_fields(error: EngineError) -> dict[str, str]:
    """An expected error as extra fields of a log line: its code and the driver's own words, without a stack trace."""
    return {"code": error.code, "cause": repr(error.__cause__ or error)}
