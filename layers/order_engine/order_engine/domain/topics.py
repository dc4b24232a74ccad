"""The topics that connections subscribe to. They include the account, so another account's order sends no events."""

from uuid import UUID


def order_topic(account: str, order_id: UUID | str) -> str:
    """The topic of one order."""
    return f"order#{account}#{order_id}"


def account_topic(account: str) -> str:
    """The topic of all of an account's orders."""
    return f"account#{account}"
