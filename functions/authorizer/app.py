"""API key → account, for the HTTP API and for the WebSocket API's handshake."""

from typing import TYPE_CHECKING, Any

from composition import key_lookup

if TYPE_CHECKING:  # avoids loading Powertools just for a type
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Authorizer request (HTTP API: payload 2.0; WebSocket API: REQUEST) → the account.

    An HTTP API responds to a denied request with a bare 403, so an unknown key is let through without an account, and
    the api function responds with a 401 as RFC 9457. A WebSocket handshake is denied here.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if event.get("version") == "2.0":
        # API Gateway caches the result by the Authorization header, so it may not depend on anything else.
        return {"isAuthorized": True, "context": {"account": key_lookup().account_of(_bearer(headers)) or ""}}
    account = key_lookup().account_of(_bearer(headers) or _protocol(headers))
    if not account:
        raise Exception("Unauthorized")  # exactly this text makes API Gateway respond with 401
    return {
        "principalId": account,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}],
        },
        "context": {"account": account},
    }


def _bearer(headers: dict[str, str]) -> str:
    """The key in `Authorization: Bearer KEY`."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _protocol(headers: dict[str, str]) -> str:
    """The key in the subprotocol `bearer.KEY`: browsers cannot set headers."""
    protocols = [protocol.strip() for protocol in headers.get("sec-websocket-protocol", "").split(",")]
    return next((protocol.removeprefix("bearer.") for protocol in protocols if protocol.startswith("bearer.")), "")
