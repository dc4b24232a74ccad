"""On schedule, for a minute: watches the market for resting orders. Ends at once if nothing rests."""

from datetime import timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from composition import trigger
from order_engine.observability.metrics import measured
from order_engine.runtime import run

_TO_WRAP_UP = timedelta(seconds=5)


@measured
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Scheduled event → how many orders were activated."""
    time_limit = timedelta(milliseconds=context.get_remaining_time_in_millis()) - _TO_WRAP_UP
    return {"activated": run(trigger().run(time_limit))}
