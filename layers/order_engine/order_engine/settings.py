"""Settings come from environment variables, read once, by a function's composition root."""

import os
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self, dataclass_transform


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Settings:
    """Frozen settings of type str, int or float: the field `orders_queue_url` is the variable ORDERS_QUEUE_URL.

    One subclass per function. Not pydantic's: most functions need pydantic for nothing else, and loading it is a
    fifth of what they load.
    """

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True, repr=False)(cls)  # no repr: they hold a password

    @classmethod
    def from_environment(cls) -> Self:
        """Raises ValueError, which names every variable that is missing or wrong, without its value."""
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


class SettlerSettings(MockSettings):
    """What a function needs that ends attempts and orders."""

    database_url: str
    status_queue_url: str
    max_attempts: int
    backoff_seconds: float
    watchdog_seconds: float
    venue_timeout_seconds: float


def trace() -> str | None:
    """X-Ray's trace of the current invocation, as Lambda says it."""
    return os.environ.get("_X_AMZN_TRACE_ID")


def aws_endpoint(service: str) -> str | None:
    """An address that stands for AWS's own, by the variables that all of AWS's SDKs read."""
    return os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
