"""Cursors of GET /api/orders: where the next page begins. Opaque to clients, and valid for the same list only."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from uuid import UUID

from order_engine.domain.errors import FieldError, InvalidRequest
from order_engine.domain.lifecycle import Status


def encode(before: UUID, account: str, status: Status | None) -> str:
    """The cursor of the page that comes after the order `before`."""
    return urlsafe_b64encode(before.bytes + _digest(before, account, status)).decode()


def decode(cursor: str, account: str, status: Status | None) -> UUID:
    """The last order of the previous page. Raises InvalidRequest if the cursor does not belong to this list."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii"))
        before = UUID(bytes=raw[:16])
    except ValueError:
        raise _invalid() from None
    if encode(before, account, status) != cursor:
        raise _invalid()
    return before


def _digest(before: UUID, account: str, status: Status | None) -> bytes:
    return blake2b(f"{before}/{status}/{account}".encode(), digest_size=8).digest()


def _invalid() -> InvalidRequest:
    return InvalidRequest([FieldError("cursor", "is not a cursor of this list; start again without it")])
