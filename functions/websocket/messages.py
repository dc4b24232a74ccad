"""The messages of the stream protocol: one function per action, each returns the reply frame."""

from collections.abc import Awaitable, Callable
from typing import Any

from composition import Dependencies
from order_engine.contracts.documents import history_document, order_document
from order_engine.contracts.json_text import parse
from order_engine.contracts.problems import error_frame
from order_engine.contracts.requests import Cancel, Execute, Ping, Subscribe, Unsubscribe, target_of
from order_engine.domain.errors import EngineError, FieldError, InvalidRequest
from order_engine.domain.orders import History
from order_engine.domain.topics import order_topic
from order_engine.observability import logger
from order_engine.use_cases.subscribe import subscribe_to_account, subscribe_to_order, unsubscribe

Frame = dict[str, Any]


async def answer(text: str, connection_id: str, account: str, dependencies: Dependencies) -> Frame:
    """Reply to one message. Any error becomes an error frame; the connection stays open."""
    about: Frame = {}
    try:
        message = parse(text)
        about = _about(message)
        frame = await _action(message)(message, connection_id, account, dependencies)
        return {**frame, **about}
    except EngineError as error:
        return error_frame(error, **about)
    except Exception:
        logger.exception("message not answered")
        return error_frame(EngineError("Something went wrong on our side."), **about)


async def _subscribe(message: object, connection_id: str, account: str, dependencies: Dependencies) -> Frame:
    request = Subscribe.of(message)
    order_id = target_of(request)
    if order_id is None:
        subscribe_to_account(connection_id, account, dependencies.connections)
        return {"type": "subscribed", "channel": "account"}
    history = await subscribe_to_order(connection_id, account, order_id, dependencies.connections, dependencies.orders)
    return {**history_document(history, request.after_sequence), "type": "snapshot"}


async def _unsubscribe(message: object, connection_id: str, account: str, dependencies: Dependencies) -> Frame:
    order_id = target_of(Unsubscribe.of(message))
    unsubscribe(connection_id, account, order_id, dependencies.connections)
    return {"type": "unsubscribed", **({"orderId": str(order_id)} if order_id else {"channel": "account"})}


async def _execute(message: object, connection_id: str, account: str, dependencies: Dependencies) -> Frame:
    new = Execute.of(message).new_order(account)
    # Subscribe first: if that fails, nothing has been placed, and the client can simply try again.
    dependencies.connections.add(order_topic(account, new.id), connection_id)
    submission = await dependencies.submitter.submit(new)
    order = submission.order
    if not submission.replayed:
        history = History(order, (submission.placement.first,))
        return {**history_document(history), "type": "snapshot", "replayed": False}
    try:
        history = await subscribe_to_order(
            connection_id, account, order.id, dependencies.connections, dependencies.orders
        )
    except EngineError as error:
        return error_frame(error, orderId=str(order.id))
    return {**history_document(history), "type": "snapshot", "replayed": True}


async def _cancel(message: object, connection_id: str, account: str, dependencies: Dependencies) -> Frame:
    request = Cancel.of(message)
    order = await dependencies.canceller.cancel(account, request.order_id)
    return {**order_document(order), "type": "cancelled"}


async def _ping(message: object, connection_id: str, account: str, dependencies: Dependencies) -> Frame:
    Ping.of(message)
    return {"type": "pong"}


_ACTIONS: dict[str, Callable[[object, str, str, Dependencies], Awaitable[Frame]]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "execute": _execute,
    "cancel": _cancel,
    "ping": _ping,
}


def _action(message: object) -> Callable[[object, str, str, Dependencies], Awaitable[Frame]]:
    if not isinstance(message, dict):
        raise InvalidRequest([FieldError("", "must be a JSON object")])
    action = message.get("action", "subscribe" if "orderId" in message else None)
    if not isinstance(action, str) or action not in _ACTIONS:
        raise InvalidRequest([FieldError("action", f"must be one of {', '.join(_ACTIONS)}")])
    return _ACTIONS[action]


def _about(message: object) -> Frame:
    """The fields of a message that its reply repeats, so that clients can match the two."""
    request_id = message.get("requestId") if isinstance(message, dict) else None
    return {"requestId": request_id} if isinstance(request_id, str) and len(request_id) <= 128 else {}
