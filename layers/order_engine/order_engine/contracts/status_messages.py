"""The status queue's messages: `{"events": [{"account": …, "event": …}]}`, each event as sent to clients."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from order_engine.contracts.documents import event_document
from order_engine.domain.orders import OrderEvent

# SQS accepts 1 MiB per message, but bills by 64 kB; Lambda accepts 6 MB of them at once.
_MESSAGE_BYTES = 200_000


def pack(events: Iterable[OrderEvent]) -> Iterator[str]:
    """Pack the events, in order, into as few messages of at most 200 kB as possible."""
    empty = len(_message([]))
    items: list[str] = []
    size = empty
    for event in events:
        item = json.dumps({"account": event.account, "event": event_document(event)}, separators=(",", ":"))
        if items and size + len(item) > _MESSAGE_BYTES:
            yield _message(items)
            items, size = [], empty
        items.append(item)
        size += len(item) + len(",")
    if items:
        yield _message(items)


def unpack(message: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a message: the account and the document of each."""
    return [(item["account"], item["event"]) for item in json.loads(message)["events"]]


def _message(items: Sequence[str]) -> str:
    return f'{{"events":[{",".join(items)}]}}'
