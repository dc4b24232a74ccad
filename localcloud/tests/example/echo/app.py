"""Responds with its event, or does what the body requests."""

import json
import os
import time
from typing import Any


def handler(event: dict[str, Any], context: Any) -> Any:
    if event["routeKey"] != "POST /act":
        environment = {name: os.environ.get(name) for name in ("GREETING", "API_URL", "WORK_QUEUE_URL", "USER_SECRET")}
        answer = {"event": event, "environment": environment, "remaining": context.get_remaining_time_in_millis()}
        return {"statusCode": 200, "cookies": ["a=1", "b=2"], "body": json.dumps(answer)}
    match json.loads(event["body"]):
        case {"sleep": seconds}:
            time.sleep(seconds)
        case {"exit": status}:
            os._exit(status)
        case {"raise": text}:
            raise ValueError(text)
        case {"return": value}:
            return value
    return {"pid": os.getpid()}
