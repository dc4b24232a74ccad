"""What all AWS adapters share: patience, and where driver errors become the engine's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from order_engine.domain.errors import Unavailable

# Give up in seconds: whoever waits for a call has a client of their own waiting.
PATIENCE = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})


@contextmanager
def driver_errors(become: type[Unavailable]) -> Iterator[None]:
    """Turn whatever boto3 raises into the given error."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise become() from error
