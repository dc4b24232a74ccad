"""The api function's composition root."""

from functools import cache

from snapshot_restore_py import register_before_snapshot

from order_engine.adapters.aws import sqs
from order_engine.front_door import FrontDoor, build_front_door
from order_engine.settings import FrontDoorSettings


class Settings(FrontDoorSettings):
    """See template.yaml."""


@cache
def dependencies() -> FrontDoor:
    """Built on the first request, kept for the life of the execution environment."""
    return build_front_door(Settings.from_environment(), sqs())


register_before_snapshot(dependencies)
