"""What a connection can listen to. The account is part of the name: a stranger's order is a silent topic."""

from uuid import UUID


def order_topic(account: str, order_id: UUID | str) -> str:
    """One order."""
    return f"order#{account}#{order_id}"


def account_topic(account: str) -> str:
    """All of an account's orders."""
    return f"account#{account}"
