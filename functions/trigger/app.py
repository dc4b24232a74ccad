"""Watches the market for resting orders for a minute, or until nothing rests.

Started on schedule, and by a message when the first order rests.
"""

from datetime import timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from composition import trigger
from order_engine.observability.metrics import measured
from order_engine.runtime import run

_TO_WRAP_UP = timedelta(seconds=5)


@measured
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Scheduled event or SQS event → how many orders were activated."""
    time_limit = timedelta(milliseconds=context.get_remaining_time_in_millis()) - _TO_WRAP_UP
    return {"activated": run(trigger().run(time_limit))}
