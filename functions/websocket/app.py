"""The WebSocket API: handshake, farewell, and every message in between. Answers go back by route response."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from composition import dependencies
from messages import answer
from order_engine.contracts.json_text import dump
from order_engine.domain.errors import ConnectionsUnavailable
from order_engine.domain.topics import account_topic
from order_engine.observability import error_fields, logger
from order_engine.observability.metrics import measured
from order_engine.runtime import run

_PROTOCOL = "orders.v1"


@measured
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """WebSocket event → response; its body is the frame that answers a message."""
    request = event["requestContext"]
    connection_id, account = request["connectionId"], request["authorizer"]["account"]
    match request["eventType"]:
        case "CONNECT":
            return {"statusCode": 200, "headers": _chosen_protocol(event)}
        case "DISCONNECT":
            _leave(connection_id, account)
            return {"statusCode": 200}
        case _:
            frame = run(answer(event.get("body") or "", connection_id, account, dependencies()))
            return {"statusCode": 200, "body": dump(frame)}


def _chosen_protocol(event: dict[str, Any]) -> dict[str, str]:
    """A browser that offers subprotocols hangs up unless one of them is chosen."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    offered = [protocol.strip() for protocol in headers.get("sec-websocket-protocol", "").split(",")]
    return {"Sec-WebSocket-Protocol": _PROTOCOL} if _PROTOCOL in offered else {}


def _leave(connection_id: str, account: str) -> None:
    """Leave the account's long-lived topic; those of single orders lose their listeners by themselves."""
    try:
        dependencies().connections.remove(account_topic(account), connection_id)
    except ConnectionsUnavailable as error:
        logger.warning("still listed; the next post to it finds it gone", extra=error_fields(error))
