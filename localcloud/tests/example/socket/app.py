"""Responds to messages with their event; `push` posts to any connection."""

import json
import os
from typing import Any

import boto3
import psycopg
from botocore.exceptions import ClientError


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    request = event["requestContext"]
    if request["eventType"] == "CONNECT":
        headers = {name.lower(): value for name, value in event["headers"].items()}
        if "x-refuse" in headers:
            return {"statusCode": int(headers["x-refuse"])}
        protocols = headers.get("sec-websocket-protocol")
        return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "orders.v1"} if protocols else {}}
    if request["eventType"] == "DISCONNECT":
        with psycopg.connect(os.environ["DATABASE_URL"]) as database:
            database.execute("INSERT INTO seen (kind, body) VALUES ('disconnect', %s)", (request["connectionId"],))
        return {"statusCode": 200}
    return {"statusCode": 200, "body": answer(event, request)}


def answer(event: dict[str, Any], request: dict[str, Any]) -> str:
    match json.loads(event["body"]) if event["body"].startswith("{") else {}:
        case {"raise": text}:
            raise ValueError(text)
        case {"push": text, "to": connection_id}:
            client = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS_ENDPOINT"])
            try:
                client.post_to_connection(ConnectionId=connection_id, Data=text.encode())
            except ClientError as error:
                return error.response["Error"]["Code"]
            return "pushed"
    return json.dumps(event)
