"""The WebSocket function's composition root."""

from dataclasses import dataclass
from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import dynamodb, sqs
from order_engine.adapters.connections import Connections
from order_engine.adapters.postgres.orders import OrderStore
from order_engine.front_door import build_front_door
from order_engine.settings import FrontDoorSettings
from order_engine.use_cases.cancel import Canceller
from order_engine.use_cases.submit import Submitter


class Settings(FrontDoorSettings):
    """See template.yaml."""

    connections_table: str


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The dependencies of the handler."""

    submitter: Submitter
    canceller: Canceller
    orders: OrderStore
    connections: Connections


@cache
def dependencies() -> Dependencies:
    """Built on the first event, kept for the life of the execution environment."""
    settings = Settings.from_environment()
    front_door = build_front_door(settings, sqs())
    return Dependencies(
        submitter=front_door.submitter,
        canceller=front_door.canceller,
        orders=front_door.orders,
        connections=Connections(settings.connections_table, dynamodb()),
    )


register_before_snapshot(dependencies)
