"""Documents that change with a deployment only: clients keep them, and ask later whether their tag still holds."""

from hashlib import sha256

CACHE_CONTROL = "public, max-age=300"


def entity_tag(content: str) -> str:
    """The ETag of a document. Weak: compressed or not, it is the same document."""
    return f'W/"{sha256(content.encode()).hexdigest()[:32]}"'


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether a client that sends this If-None-Match header has the document with this tag (RFC 9110, 13.1.2)."""
    named = [each.strip() for each in (if_none_match or "").split(",")]
    return "*" in named or tag.removeprefix("W/") in (each.removeprefix("W/") for each in named)
