"""A custom resource that makes the table everybody notes into, and the role that they do it as."""

import json
import os
import urllib.request
from typing import Any

import psycopg
from psycopg import sql


def handler(event: dict[str, Any], context: object) -> None:
    status = event["ResourceProperties"]["Status"]
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as database:
        database.execute("CREATE TABLE IF NOT EXISTS seen (id bigserial PRIMARY KEY, kind text, body text)")
        if not database.execute("SELECT 1 FROM pg_roles WHERE rolname = 'toy'").fetchone():
            database.execute(sql.SQL("CREATE ROLE toy LOGIN PASSWORD {}").format(os.environ["TOY_PASSWORD"]))
        database.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON seen TO toy")
        database.execute("GRANT USAGE ON seen_id_seq TO toy")
        database.execute("INSERT INTO seen (kind, body) VALUES ('deploy', %s)", (json.dumps(event),))
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": status, "Reason": "as asked", "PhysicalResourceId": "deployed"}
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, method="PUT")).close()
