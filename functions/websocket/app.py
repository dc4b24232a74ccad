"""The WebSocket API: connections, disconnections and messages. Replies are sent as route responses."""

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
    """WebSocket event → response; for a message, its body is the reply frame."""
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
    """A browser that offers subprotocols closes the connection unless one of them is selected."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    offered = [protocol.strip() for protocol in headers.get("sec-websocket-protocol", "").split(",")]
    return {"Sec-WebSocket-Protocol": _PROTOCOL} if _PROTOCOL in offered else {}


def _leave(connection_id: str, account: str) -> None:
    """Unsubscribe from the account's topic, which is long-lived; topics of single orders are cleaned up later."""
    try:
        dependencies().connections.remove(account_topic(account), connection_id)
    except ConnectionsUnavailable as error:
        logger.warning("not unsubscribed; the next post to the connection will do it", extra=error_fields(error))
