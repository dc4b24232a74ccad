"""The client's models match the engine's."""

from order_client import OrderType, Status
from order_engine.domain import lifecycle, triggers


def test_statuses_are_those_of_the_engine() -> None:
    assert {status.value for status in Status} == {status.value for status in lifecycle.Status}
    assert {status.value for status in Status if status.terminal} == {status.value for status in lifecycle.TERMINAL}


def test_order_types_are_those_of_the_engine() -> None:
    assert {type_.value for type_ in OrderType} == {type_.value for type_ in triggers.OrderType}
