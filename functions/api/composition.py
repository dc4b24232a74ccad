"""The api function's composition root."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.adapters.postgres.triggers import TriggerStore
from order_engine.front_door import FrontDoorSettings, build_front_door
from order_engine.use_cases.cancel import Canceller
from order_engine.use_cases.replace import Replacer
from order_engine.use_cases.submit import Submitter
from order_engine.use_cases.wake import Waker
from order_engine.venues import connect_venues
from order_engine.venues.protocol import Venue


class Settings(FrontDoorSettings):
    """See template.yaml."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The dependencies of the routes."""

    submitter: Submitter
    canceller: Canceller
    replacer: Replacer
    orders: OrderStore
    triggers: TriggerStore
    waker: Waker
    venues: Sequence[Venue]
    venue_timeout: timedelta


@cache
def dependencies() -> Dependencies:
    """Built on the first request, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    front_door = build_front_door(settings, sqs())
    return Dependencies(
        submitter=front_door.submitter,
        canceller=front_door.canceller,
        replacer=front_door.replacer,
        orders=front_door.orders,
        triggers=front_door.triggers,
        waker=front_door.waker,
        venues=connect_venues(settings, front_door.database),
        venue_timeout=timedelta(seconds=settings.venue_timeout_seconds),
    )


register_before_snapshot(dependencies)
