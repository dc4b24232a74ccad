"""On schedule: requeues orders that made no progress, and deletes those past their retention."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from composition import sweeper
from order_engine.observability import logger
from order_engine.observability.metrics import measured
from order_engine.runtime import run
from order_engine.use_cases.purge_finished import purge_finished
from order_engine.use_cases.sweep import sweep


@measured
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Scheduled event → how many orders were requeued and how many were purged."""
    work = sweeper()
    sent = run(sweep(work.orders, work.queue, work.watchdog))
    purged = run(purge_finished(work.orders, work.retention_days))
    if purged:
        logger.info("orders purged", extra={"orders": purged})
    return {"sent": sent, "purged": purged}
