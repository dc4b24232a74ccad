"""Fuzzes the stream protocol: every message below the limit gets a valid response and leaves the connection open."""

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from testing.cloud import Cloud
from tests.e2e.frames import LIMIT, Socket

pytestmark = pytest.mark.security

bounded = settings(max_examples=150, deadline=None, derandomize=True, database=None)

ORDER = {"action": "execute", "tokenIn": "SOL", "tokenOut": "USDC", "amount": 1}
VALID: list[dict[str, Any]] = [
    {"action": "ping"},
    {"action": "ping", "requestId": "r"},
    {"action": "subscribe", "channel": "account"},
    {"action": "unsubscribe", "channel": "account"},
    {"orderId": "0190a0a0-0000-7000-8000-000000000000"},
    {"action": "subscribe", "orderId": "0190a0a0-0000-7000-8000-000000000000", "afterSequence": 3},
    {"action": "unsubscribe", "orderId": "0190a0a0-0000-7000-8000-000000000000"},
    {**ORDER, "slippageBps": 100, "clientOrderId": "fuzzed", "requestId": "r"},
]
NAMES = sorted({name for message in VALID for name in message})

strings = st.text(st.characters(), max_size=200)  # including lone surrogates and control characters
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()  # including NaN and Infinity, which json.dumps writes although they are not JSON
    | strings
    | st.sampled_from([value for message in VALID for value in message.values()])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(strings, inner, max_size=5), max_leaves=20
)


@st.composite
def near_valid(draw: st.DrawFn) -> dict[str, Any]:
    """A valid message with a field or two changed, left out or added."""
    message = dict(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(NAMES) | strings)
        if draw(st.booleans()):
            message[name] = draw(values)
        else:
            message.pop(name, None)
    return message


@st.composite
def cut_and_spliced(draw: st.DrawFn) -> str:
    """The text of a valid message with some of it replaced."""
    text = json.dumps(draw(st.sampled_from(VALID)))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    return text[:start] + draw(st.text(max_size=10)) + text[end:]


@pytest.fixture(scope="module")
def socket(cloud: Cloud, new_key: Callable[[], str]) -> Iterator[Socket]:
    with Socket(cloud.websocket_url, {"Authorization": f"Bearer {new_key()}"}) as socket:
        yield socket


def is_json(text: str) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


@bounded
@given(values)
def test_any_json(socket: Socket, value: object) -> None:
    text = json.dumps(value)
    answer = socket.ask(text)
    if not is_json(text):
        assert answer["code"] == "invalid_json"
    elif not isinstance(value, dict):
        assert (answer["code"], answer["errors"][0]["field"]) == ("validation_failed", "")


@bounded
@given(near_valid())
@example({"action": "ping", "requestId": "\ud800"})
@example({"action": "ping", "\ud800": 1})
@example({**ORDER, "tokenIn": "\ud800"})
@example({"orderId": "\uff10190a0a0-0000-7000-8000-000000000000"})
def test_almost_valid_messages(socket: Socket, message: dict[str, Any]) -> None:
    answer = socket.ask(json.dumps(message))
    request_id = message.get("requestId")
    if is_json(json.dumps(message)) and isinstance(request_id, str) and len(request_id) <= 128:
        assert answer["requestId"] == request_id


@bounded
@given(cut_and_spliced())
def test_damaged_messages(socket: Socket, text: str) -> None:
    answer = socket.ask(text)
    if not is_json(text):
        assert answer["code"] == "invalid_json"


@bounded
@given(st.text(max_size=500))
@example("\x00")
@example("\ufeff{}")
@example("\u2028\u202e")
def test_any_text(socket: Socket, text: str) -> None:
    assert socket.ask(text)["type"] == "error"


@bounded
@given(st.binary(max_size=500) | st.sampled_from(VALID).map(lambda message: json.dumps(message).encode()))
def test_any_binary_frame(socket: Socket, data: bytes) -> None:
    assert socket.ask(data)["type"] == "error"


@settings(bounded, max_examples=50)
@given(st.sampled_from(VALID[:3]), st.lists(st.integers(0, 60), max_size=8))
def test_messages_in_fragments(socket: Socket, message: dict[str, Any], cuts: list[int]) -> None:
    text = json.dumps(message)
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert socket.ask([text[a:b] for a, b in pairwise(ends)])["type"] in ("pong", "subscribed")


def filled(before: str, filling: str, after: str) -> str:
    """`before` and `after`, with as much filling in between as fits into a message."""
    return before + filling * ((LIMIT - 1 - len(before) - len(after)) // len(filling)) + after


EXECUTE = json.dumps(ORDER)[:-2]  # up to the amount
FIND = '{"orderId":"0190a0a0-0000-7000-8000-000000000000","afterSequence":'
LARGE = {
    "open arrays": filled("", "[", ""),
    "open objects": filled("", '{"action":', ""),
    "closed arrays": "[" * 60_000 + "]" * 60_000,
    "nesting that can be parsed": '{"action":"ping","a":' + "[" * 900 + "]" * 900 + "}",
    "a long name": filled('{"action":"ping","', "x", '":1}'),
    "a long value": filled('{"action":"ping","a":"', "x", '"}'),
    "a long action": filled('{"action":"', "x", '"}'),
    "a long request id": filled('{"action":"ping","requestId":"', "x", '"}'),
    "many names": '{"action":"ping"' + "".join(f',"{number}":1' for number in range(12_000)) + "}",
    "many long names": '{"action":"ping"' + "".join(f',"{number:0>100}":1' for number in range(1_000)) + "}",
    "escapes": filled('{"action":"ping","', "\\ud800", '":1}'),
    "spaces": filled("", " ", '{"action":"fly"}'),
    "an amount of 10^5 digits": f"{EXECUTE}{'9' * 100_000}}}",
    "an amount with 10^5 decimals": f"{EXECUTE}1.{'0' * 100_000}1}}",
    "an amount in text of 10^5 digits": f'{EXECUTE}"{"9" * 100_000}"}}',
    "an amount with the smallest exponent": f"{EXECUTE}1e-999999999999999999}}",
    "an amount with an exponent beyond the limit": f"{EXECUTE}1e99999999999999999999}}",
    "a sequence of 10^5 digits": f"{FIND}{'9' * 100_000}}}",
    "a sequence with 10^5 decimals": f"{FIND}0.{'0' * 100_000}1}}",
    "a sequence with the smallest exponent": f"{FIND}1e-999999999999999999}}",
    "two amounts": f'{EXECUTE}1,"amount":2}}',
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_large_messages(socket: Socket, text: str) -> None:
    assert len(text) < LIMIT
    assert socket.ask(text)["type"] == "error"
