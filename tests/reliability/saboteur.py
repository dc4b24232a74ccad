"""Kills the process it is loaded into, at a given seam, once.

It is put beside a function by the tests (see sabotage.py) and wraps the adapters' own methods; the engine knows nothing
of it. A file in `plans`, beside this one, is one death, named after a seam and a moment (`record-submitted.after`): the
process that gets there first takes the file away and kills itself.
"""

import functools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from order_engine.adapters.connections import Connections
from order_engine.adapters.gateway import Gateway
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.sqs import OrdersQueue, StatusQueue
from order_engine.domain.orders import Order
from order_engine.venues.mock.chain import MockChain
from order_engine.venues.mock.venues import MockVenue

_PLANS = Path(__file__).with_name("plans")


def die_if_planned(seam: str, moment: str) -> None:
    """Kill this process if this death is planned and nobody has died it yet."""
    try:
        (_PLANS / f"{seam}.{moment}").unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _wrapped(method: Callable[..., Any], seam: Callable[..., str]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def wrapper(*arguments: Any, **named: Any) -> Any:
        name = seam(*arguments, **named)
        die_if_planned(name, "before")
        result = await method(*arguments, **named)
        die_if_planned(name, "after")
        return result

    return wrapper


def _wrapped_sync(method: Callable[..., Any], seam: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        die_if_planned(seam, "before")
        result = method(*arguments, **named)
        die_if_planned(seam, "after")
        return result

    return wrapper


def _step(_: Journal, order: Order) -> str:
    return f"record-{order.status}"


def wrap_adapters() -> None:
    """Every write and every call that a function makes."""
    for owner, method in (
        (OrderStore, "place"),
        (OrderStore, "claim"),
        (OrderStore, "due"),
        (MockVenue, "quote"),
        (MockVenue, "build"),
        (MockChain, "send"),
        (MockChain, "landing"),
        (StatusQueue, "publish"),
        (OrdersQueue, "send"),
        (OrdersQueue, "send_all"),
        (OrdersQueue, "hide"),
    ):
        setattr(owner, method, _wrapped(getattr(owner, method), lambda *_, name=method, **__: name))
    Journal.record = _wrapped(Journal.record, _step)  # type: ignore[method-assign]
    Gateway.post = _wrapped_sync(Gateway.post, "post")  # type: ignore[method-assign]
    Connections.listening_to = _wrapped_sync(Connections.listening_to, "listening_to")  # type: ignore[method-assign]


def wrap_handler(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The last moment: all is done, and the answer, which acknowledges it, is not given."""
    return _wrapped_sync(handler, "handler")
