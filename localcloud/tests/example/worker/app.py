"""Records every message; bodies that begin with `sleep` or `fail` make it wait or report a failed item."""

import json
import os
import time
from typing import Any

import psycopg


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    failed = []
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        for record in event["Records"]:
            database.execute("INSERT INTO seen (kind, body) VALUES ('message', %s)", (json.dumps(record),))
            if record["body"].startswith("sleep"):
                time.sleep(float(record["body"].split()[1]))
            if record["body"].startswith("fail"):
                failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
