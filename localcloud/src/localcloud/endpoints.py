"""Publishes the addresses of the running cloud: `endpoints.json` for programs, a banner for people."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Endpoints:
    """The content of `endpoints.json`, with the same names."""

    httpUrl: str
    webSocketUrl: str | None
    databaseUrl: str | None
    awsEndpointUrl: str
    tables: dict[str, str]
    queues: dict[str, str]
    pid: int
    extra: Mapping[str, str]
    """What the application adds: `[endpoints]` of localcloud.toml."""

    def write(self, file: Path) -> None:
        """Writes the file atomically; it holds passwords and keys, so only its owner can read it."""
        unfinished = file.with_suffix(".new")
        unfinished.touch(mode=0o600)
        known = asdict(self)
        unfinished.write_text(json.dumps({**known, **known.pop("extra")}, indent=2) + "\n")
        unfinished.replace(file)

    def banner(self, logs: Path) -> str:
        """A few lines for the terminal."""
        rows = {
            "HTTP": f"{self.httpUrl}/",
            "WebSocket": self.webSocketUrl,
            **self.extra,
            "Postgres": self.databaseUrl,
            "SQS and DynamoDB": self.awsEndpointUrl,
            "Logs": f"{_shown(logs)}/",
        }
        lines = (f"  {name:<18}{value}" for name, value in rows.items() if value)
        return "\n".join(["The local cloud is running. Ctrl-C stops it; its data is kept.", *lines])


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
