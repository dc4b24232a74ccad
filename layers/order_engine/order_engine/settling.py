"""Wiring shared by the functions that end attempts and orders: worker, confirmer and dead_letter."""

from datetime import timedelta

from order_engine.adapters.aws import JsonService
from order_engine.adapters.postgres.database import Database
from order_engine.adapters.postgres.journal import Journal
from order_engine.composition import build_waker
from order_engine.settings import SettlerSettings
from order_engine.use_cases.settle import RetryPolicy, Settler
from order_engine.venues.protocol import Chain


def build_settler(
    settings: SettlerSettings, journal: Journal, chain: Chain, database: Database, queues: JsonService
) -> Settler:
    """Build the settler, with the deployment's retry policy."""
    return Settler(
        journal=journal,
        chain=chain,
        waker=build_waker(settings, database, queues),
        retries=RetryPolicy(max_attempts=settings.max_attempts, backoff=timedelta(seconds=settings.backoff_seconds)),
        time_limit=timedelta(seconds=settings.venue_timeout_seconds),
    )
