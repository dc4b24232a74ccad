"""The messages of the status queue."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from order_engine.contracts.documents import event_document
from order_engine.contracts.status_messages import pack, unpack
from order_engine.domain.errors import Failure
from order_engine.domain.facts import Facts
from order_engine.domain.lifecycle import Status
from order_engine.domain.orders import OrderEvent


def an_event(account: str = "alice", message: str | None = None) -> OrderEvent:
    facts = Facts() if message is None else Facts(failure=Failure("venue_unavailable", message))
    return OrderEvent(uuid4(), account, 1, Status.ROUTING, 1, datetime.now(UTC), facts)


def test_packed_events_are_unpacked_unchanged() -> None:
    events = [an_event("alice"), an_event("bob", "Zürich: “no”"), an_event("alice")]
    (message,) = pack(events)
    assert unpack(message) == [(event.account, event_document(event)) for event in events]


def test_the_format_of_a_message() -> None:
    event = an_event("alice", "unavailable")
    assert [json.loads(message) for message in pack([event])] == [
        {"events": [{"account": "alice", "event": event_document(event)}]}
    ]


def test_no_message_is_sent_without_events() -> None:
    assert list(pack([])) == []


@pytest.mark.parametrize(("size", "events"), [(200_000, [2]), (200_001, [1, 1])])
def test_a_message_has_at_most_200_000_bytes(size: int, events: list[int]) -> None:
    (smallest,) = pack([an_event(), an_event(message="")])
    messages = list(pack([an_event(), an_event(message="x" * (size - len(smallest)))]))
    assert [len(unpack(message)) for message in messages] == events
    assert max(map(len, messages)) <= 200_000
