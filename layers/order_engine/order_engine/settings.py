"""Settings from environment variables, read once by each function's composition root."""

import os
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self, dataclass_transform


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Settings:
    """Immutable settings of type str, int or float: the field `orders_queue_url` is read from ORDERS_QUEUE_URL.

    One subclass per function. Not based on pydantic: most functions do not need it otherwise, and loading it is a fifth
    of what they load.
    """

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True, repr=False)(cls)  # no repr: they include a password

    @classmethod
    def from_environment(cls) -> Self:
        """Raises ValueError, which names every missing or invalid variable, without its value."""
        values: dict[str, Any] = {}
        wrong = []
        for field in fields(cls):  # type: ignore[arg-type] # every subclass is a dataclass
            name = field.name.upper()
            kind: Any = field.type
            try:
                if name in os.environ or field.default is MISSING:
                    values[field.name] = kind(os.environ[name])
            except KeyError:
                wrong.append(f"{name} is missing")
            except ValueError:
                wrong.append(f"{name} must be of type {kind.__name__}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return cls(**values)


class MockSettings(Settings):
    """The mocked market's settings."""

    mock_seed: int
    mock_latency: float
    mock_failure_rate: float


class ExecutionSettings(MockSettings):
    """Settings of the functions that place, activate, execute or end orders."""

    database_url: str
    status_queue_url: str
    watchdog_seconds: float
    venue_timeout_seconds: float


class SettlerSettings(ExecutionSettings):
    """Settings of the functions that end attempts and orders."""

    trigger_queue_url: str
    max_attempts: int
    backoff_seconds: float


class FrontDoorSettings(ExecutionSettings):
    """Settings of the functions that take requests."""

    orders_queue_url: str
    trigger_queue_url: str
    order_lifetime_seconds: float
    resting_lifetime_seconds: float
    min_lifetime_seconds: float
    max_lifetime_seconds: float
    price_tolerance_bps: int


def trace() -> str | None:
    """The X-Ray trace header of the current invocation, as set by Lambda."""
    return os.environ.get("_X_AMZN_TRACE_ID")


def aws_endpoint(service: str) -> str | None:
    """The endpoint to use instead of AWS's own, from the variables that all AWS SDKs read."""
    return os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
