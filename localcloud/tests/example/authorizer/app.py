"""Both authorizers: simple responses for the HTTP API, an IAM policy for the WebSocket API."""

import itertools
from typing import Any

CALLS = itertools.count(1)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    if "methodArn" in event:
        headers = {name.lower(): value for name, value in event["headers"].items()}
        secret = headers.get("authorization") or headers.get("sec-websocket-protocol", "")
        if "broken" in secret:
            raise RuntimeError("broken")
        if "good" not in secret and "deny" not in secret:
            raise Exception("Unauthorized")
        effect = "Deny" if "deny" in secret else "Allow"
        statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
        return {
            "principalId": "demo",
            "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"account": "demo", "number": 7},
        }
    if event["identitySource"] == ["broken"]:
        raise RuntimeError("broken")
    return {"isAuthorized": event["identitySource"][0].startswith("good"), "context": {"calls": next(CALLS)}}
