"""A custom resource that creates the table in which the functions record events, and their database role."""

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
        if not database.execute("SELECT 1 FROM pg_roles WHERE rolname = 'example'").fetchone():
            database.execute(sql.SQL("CREATE ROLE example LOGIN PASSWORD {}").format(os.environ["ROLE_PASSWORD"]))
        database.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON seen TO example")
        database.execute("GRANT USAGE ON seen_id_seq TO example")
        database.execute("INSERT INTO seen (kind, body) VALUES ('deploy', %s)", (json.dumps(event),))
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": status, "Reason": "as requested", "PhysicalResourceId": "deployed"}
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, method="PUT")).close()
