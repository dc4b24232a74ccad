"""Output for the user at the terminal."""

import sys
import time

_REPEAT_SECONDS = 30


class Terminal:
    """Prints a problem once, and repeats it at most every 30 seconds."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], float] = {}

    def say(self, text: str) -> None:
        print(text, flush=True)

    def problem(self, source: str, text: str) -> None:
        """One line on stderr, such as `WorkerFunction cannot start: ...`."""
        now = time.monotonic()
        if now - self._last.get((source, text), -_REPEAT_SECONDS) >= _REPEAT_SECONDS:
            self._last[source, text] = now
            print(f"{source} {' '.join(text.split())}", file=sys.stderr, flush=True)
