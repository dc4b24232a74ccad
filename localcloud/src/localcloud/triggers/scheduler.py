"""Schedules: invokes a function at a fixed rate with EventBridge's scheduled event."""

import asyncio
import json
import uuid
from datetime import UTC, datetime

from localcloud.lambdas.pool import FunctionPool
from localcloud.template.intrinsics import ACCOUNT_ID, REGION
from localcloud.template.model import Schedule


async def run_schedule(schedule: Schedule, pool: FunctionPool) -> None:
    """Runs forever; a tick that is due while the function still runs is skipped."""
    loop = asyncio.get_running_loop()
    due = loop.time() + schedule.seconds
    while True:
        await asyncio.sleep(due - loop.time())
        payload = schedule.payload if schedule.payload is not None else json.dumps(scheduled_event(schedule))
        await pool.invoke(payload.encode(), timeout=None)
        while due <= loop.time():
            due += schedule.seconds


def scheduled_event(schedule: Schedule) -> dict[str, object]:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html"""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT_ID,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{schedule.name}"],
        "detail": {},
    }
