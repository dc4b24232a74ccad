"""Notes every tick."""

import json
import os

import psycopg


def handler(event, context):
    with psycopg.connect(os.environ["DATABASE_URL"]) as database:
        database.execute("INSERT INTO seen (kind, body) VALUES ('tick', %s)", (json.dumps(event),))
