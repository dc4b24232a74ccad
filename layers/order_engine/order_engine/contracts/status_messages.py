"""The status queue's messages: `{"events": [{"account": …, "event": …}]}`, each event as clients get it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from order_engine.contracts.documents import event_document
from order_engine.domain.orders import OrderEvent

# SQS takes 1 MiB a message, but bills and counts by 64 kB; Lambda takes 6 MB of them at once.
_MESSAGE_BYTES = 200_000


def pack(events: Iterable[OrderEvent]) -> Iterator[str]:
    """As few messages of at most 200 kB as hold the events, in order."""
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
    """A message's events: the account of each, and its document."""
    return [(item["account"], item["event"]) for item in json.loads(message)["events"]]


def _message(items: Sequence[str]) -> str:
    return f'{{"events":[{",".join(items)}]}}'
