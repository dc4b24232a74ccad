"""HTTP caching of documents that change only with a deployment: clients cache them and revalidate by their tag."""

from hashlib import sha256

CACHE_CONTROL = "public, max-age=300"


def entity_tag(content: str) -> str:
    """The ETag of a document. Weak, because it is the same whether or not the document is compressed."""
    return f'W/"{sha256(content.encode()).hexdigest()[:32]}"'


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether a client that sends this If-None-Match header has the document with this tag (RFC 9110, 13.1.2)."""
    named = [each.strip() for each in (if_none_match or "").split(",")]
    return "*" in named or tag.removeprefix("W/") in (each.removeprefix("W/") for each in named)
