"""Structured logs, with `order_id` on every line about an order. Powertools reads the POWERTOOLS_* variables itself.

Every line also has `xray_trace_id`. Lambda does the tracing: calls to AWS (adapters/aws.py) pass the invocation's trace
on in the header X-Amzn-Trace-Id, so the X-Ray SDK, which takes 150 ms to import, is not needed.
"""

from aws_lambda_powertools import Logger

from order_engine.domain.errors import EngineError

logger = Logger()


def error_fields(error: EngineError) -> dict[str, str]:
    """Extra log fields for an expected error: its code and the driver's exception, without a stack trace."""
    return {"code": error.code, "cause": repr(error.__cause__ or error)}
