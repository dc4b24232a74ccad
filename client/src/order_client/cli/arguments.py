"""Options that several commands have."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

ExpiresIn = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=90 * 86_400,
        metavar="SECONDS",
        help="How soon the order expires unless its swap is signed. New orders: 5 minutes, or 7 days if they rest.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Accept a price that makes no sense in the current market.")]


def expires_at(expires_in: int | None) -> datetime | None:
    """The time that is so many seconds from now."""
    return None if expires_in is None else datetime.now(UTC) + timedelta(seconds=expires_in)
