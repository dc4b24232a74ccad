"""Runs ministack, in its own environment, with two changes for the local cloud.

A waiting ReceiveMessage is woken by a send at once (ministack looks again every 100 ms), and the emulator stops, saving
its state, when the cloud that started it is gone.
"""

import asyncio
import contextlib
import importlib
import os
import signal
import sys
import threading
from typing import Any


class _Wake:
    """Stands in for the event that ministack sets whenever a message becomes available."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event
        self.arrived = asyncio.Event()

    def set(self) -> None:
        self._event.set()
        self.arrived.set()
        self.arrived.clear()


class _Asyncio:
    """Stands in for the asyncio module inside ministack's SQS: its sleep ends when a message arrives."""

    def __init__(self, wake: _Wake) -> None:
        self._wake = wake

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.arrived.wait(), seconds)


def _stop_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    del sys.argv[1:]  # the state's directory, there so that this process can be told from others
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    sqs = importlib.import_module("ministack.services.sqs")
    wake = _Wake(sqs.esm_wake)
    vars(sqs).update(esm_wake=wake, asyncio=_Asyncio(wake))
    importlib.import_module("ministack.app").main()


if __name__ == "__main__":
    main()
