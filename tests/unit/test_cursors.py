"""Cursors."""

from uuid import UUID

import pytest

from order_engine.contracts import cursors
from order_engine.domain.errors import InvalidRequest
from order_engine.domain.lifecycle import Status

ID = UUID("5f0c9d1e-7b7a-7c3e-8b1a-1f2e3d4c5b6a")
CURSOR = cursors.encode(ID, "alice", None)


def test_a_decoded_cursor_is_the_order_id_that_was_encoded() -> None:
    assert cursors.decode(CURSOR, "alice", None) == ID


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "ü", "=", CURSOR[:-1], CURSOR + "A", "A" + CURSOR[1:], CURSOR.lower(), "A" * 10_000, "\n" + CURSOR],
)
def test_a_cursor_that_was_tampered_with_is_rejected(cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="not a cursor of this list"):
        cursors.decode(cursor, "alice", None)


def test_a_cursor_is_valid_only_for_its_own_list() -> None:
    with pytest.raises(InvalidRequest):
        cursors.decode(CURSOR, "bob", None)
    with pytest.raises(InvalidRequest):
        cursors.decode(CURSOR, "alice", Status.FAILED)
