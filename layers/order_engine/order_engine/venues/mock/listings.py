"""Tokens that are not traded until a venue lists them, in Postgres."""

from collections.abc import Collection

from order_engine.adapters.postgres.database import Database
from order_engine.domain.errors import DatabaseUnavailable, VenueUnavailable
from order_engine.venues.mock.market import UNLISTED


class MockListings:
    """See venues.Listings. A listing is never taken back, so what is known to be listed is not looked up again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listed: set[tuple[str, str]] = set()

    async def has(self, venue: str, tokens: Collection[str]) -> bool:
        """Whether the venue trades all of these tokens. Raises VenueUnavailable."""
        wanted = {(venue, token) for token in UNLISTED.intersection(tokens)}
        if not wanted <= self._listed:
            try:
                rows = await self._database.fetch("mock_chain.listings")
            except DatabaseUnavailable as error:
                raise VenueUnavailable(f"{venue} did not answer.") from error
            self._listed = {(row["venue"], row["token"]) for row in rows}
        return wanted <= self._listed
