"""Order ids: UUIDv7, so that they sort by creation time. The engine generates them before anything is stored."""

import secrets
from time import time_ns
from uuid import UUID


def new_order_id() -> UUID:
    """RFC 9562, section 6.2, method 3: milliseconds, twelve bits of their fraction, 62 random bits."""
    milliseconds, fraction = divmod(time_ns(), 1_000_000)
    return UUID(
        int=milliseconds << 80 | 7 << 76 | (fraction << 12) // 1_000_000 << 64 | 0b10 << 62 | secrets.randbits(62)
    )
