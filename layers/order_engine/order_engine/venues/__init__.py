"""Where swaps are executed: the protocols that a real SDK has to implement, and a mocked market.

To trade for real, implement `protocol.Venue` and `protocol.Chain` and return them from `connect` and `connect_venues`.
"""

from collections.abc import Sequence

from order_engine.adapters.postgres.database import Database
from order_engine.settings import MockSettings
from order_engine.venues.mock import mock_conditions, mock_venues
from order_engine.venues.mock.chain import MockChain
from order_engine.venues.protocol import Chain, Venue


def connect_venues(settings: MockSettings, database: Database) -> Sequence[Venue]:
    """The venues to get quotes and prices from."""
    return mock_venues(settings, mock_conditions(settings), database)


def connect(settings: MockSettings, database: Database) -> tuple[Sequence[Venue], Chain]:
    """The venues and the chain that their transactions land on."""
    conditions = mock_conditions(settings)
    venues = mock_venues(settings, conditions, database)
    return venues, MockChain(database, {venue.name: venue for venue in venues}, conditions)
