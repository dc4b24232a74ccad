"""Settings come from environment variables, read once, by a function's composition root."""

import os
from typing import Self

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen settings: the field `orders_queue_url` is the variable ORDERS_QUEUE_URL. One subclass per function."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)  # they hold a password

    @classmethod
    def from_environment(cls) -> Self:
        """Raises pydantic.ValidationError, which names every variable that is missing or wrong."""
        return cls.model_validate(
            {name: os.environ[name.upper()] for name in cls.model_fields if name.upper() in os.environ}
        )


class MockSettings(Settings):
    """The mocked market's settings."""

    mock_seed: int
    mock_latency: float
    mock_failure_rate: float
