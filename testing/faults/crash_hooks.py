"""Kills the process that it is loaded into at an armed crash point, once.

Tests copy it next to a function (see crash_points.py). It wraps the adapters' methods, so that the engine needs no test
hooks. A crash point is a call and a moment: `OrderStore.claim.before` is a file in `crash_points/armed`. The first
process that reaches it removes the file and kills itself. Every call that is made is recorded as a file in
`crash_points/called`.
"""

import functools
import inspect
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from order_engine.adapters.api_keys import KeyLookup
from order_engine.adapters.connections import Connections
from order_engine.adapters.gateway import Gateway
from order_engine.adapters.postgres.journal import Journal
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.postgres.triggers import TriggerStore
from order_engine.adapters.sqs import ConfirmationsQueue, OrdersQueue, PoisonQueue, StatusQueue, TriggerQueue
from order_engine.venues.mock.chain import MockChain
from order_engine.venues.mock.venues import MockVenue

_DIRECTORY = Path(__file__).with_name("crash_points")
_Call = Callable[..., Any]


def wrap_adapters() -> None:
    """Wrap every external call that a function may make, and every event that it records."""
    for adapter in (
        OrderStore,
        TriggerStore,
        OrdersQueue,
        ConfirmationsQueue,
        StatusQueue,
        TriggerQueue,
        PoisonQueue,
        Connections,
        Gateway,
        KeyLookup,
    ):
        for name, method in inspect.getmembers(adapter, inspect.isfunction):
            if not name.startswith("_"):
                _wrap(adapter, name, method)
    for venue, names in ((MockVenue, ("quote", "price", "build")), (MockChain, ("send", "statuses"))):
        for name in names:
            _wrap(venue, name, getattr(venue, name))
    Journal.record = _async(Journal.record, lambda _, order: f"Journal.record {order.status}")  # type: ignore[method-assign]


def wrap_handler(handler: _Call) -> _Call:
    """Wrap the handler. The last crash point is after all its work, before the response that acknowledges it."""
    return _sync(handler, "handler")


def _wrap(owner: type, name: str, method: _Call) -> None:
    call = f"{owner.__name__}.{name}"
    asynchronous = inspect.iscoroutinefunction(method)
    setattr(owner, name, _async(method, lambda *_, **__: call) if asynchronous else _sync(method, call))


def _async(method: _Call, call_of: Callable[..., str]) -> _Call:
    @functools.wraps(method)
    async def wrapper(*arguments: Any, **named: Any) -> Any:
        call = call_of(*arguments, **named)
        _crash_if_armed(call, "before")
        result = await method(*arguments, **named)
        _crash_if_armed(call, "after")
        return result

    return wrapper


def _sync(method: _Call, call: str) -> _Call:
    @functools.wraps(method)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        _crash_if_armed(call, "before")
        result = method(*arguments, **named)
        _crash_if_armed(call, "after")
        return result

    return wrapper


def _crash_if_armed(call: str, moment: str) -> None:
    _record(call)
    try:
        (_DIRECTORY / "armed" / f"{call}.{moment}").unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


@functools.cache
def _record(call: str) -> None:
    (_DIRECTORY / "called" / call).touch()
