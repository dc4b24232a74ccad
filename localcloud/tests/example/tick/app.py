"""Records every scheduled event."""

import json
import os
from typing import Any

import psycopg


def handler(event: dict[str, Any], context: object) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as database:
        database.execute("INSERT INTO seen (kind, body) VALUES ('tick', %s)", (json.dumps(event),))
