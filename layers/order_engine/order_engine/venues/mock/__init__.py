"""A mocked market: prices that move, two venues with pools, and a chain that keeps its ledger in Postgres."""

from random import Random

from order_engine.adapters.postgres.database import Database
from order_engine.settings import MockSettings
from order_engine.venues.mock.listings import MockListings
from order_engine.venues.mock.market import Market
from order_engine.venues.mock.venues import MockConditions, MockVenue, meteora, raydium


def mock_conditions(settings: MockSettings) -> MockConditions:
    """Delays and failures according to the settings."""
    return MockConditions(settings.mock_latency, settings.mock_failure_rate, Random(settings.mock_seed))


def mock_venues(settings: MockSettings, conditions: MockConditions, database: Database) -> tuple[MockVenue, MockVenue]:
    """Raydium and Meteora."""
    market, listings = Market(settings.mock_seed), MockListings(database)
    return raydium(market, conditions, listings), meteora(market, conditions, listings)
