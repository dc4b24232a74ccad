"""Settings of the local cloud: environment variables, which override an optional `.env` file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.errors import LocalCloudError


@dataclass(frozen=True)
class Settings:
    """Where the local cloud listens, keeps its data, and how far it scales."""

    root: Path
    """The application's directory, with `localcloud.toml` and `.env`."""
    template: Path
    directory: Path
    port: int
    concurrency: int
    database_url: str | None
    """The owner's URL of a Postgres database to use instead of starting a server."""
    aws_endpoint_url: str | None
    """The endpoint that functions use instead of the emulator's own: a proxy in front of it."""
    docker_gateway: str | None
    """An address of this machine that containers can reach."""
    environment: Mapping[str, str]
    """The variables that may override template parameters and secrets."""

    @property
    def logs(self) -> Path:
        return self.directory / "logs"


def load_settings(root: Path, template: Path) -> Settings:
    """Reads PORT, LOCAL_DIR, LOCAL_CONCURRENCY and so on (README.md); environment variables override `.env`."""
    environment = {**_read_env_file(root / ".env"), **os.environ}
    return Settings(
        root=root,
        template=(root / template).resolve(),
        directory=(root / (environment.get("LOCAL_DIR") or ".local")).resolve(),
        port=_whole_number(environment, "PORT", 3000, 0, 65535),
        concurrency=_whole_number(environment, "LOCAL_CONCURRENCY", 20, 1, 1000),
        # Not DATABASE_URL and AWS_ENDPOINT_URL, which may be set in a shell for something else.
        database_url=environment.get("LOCAL_DATABASE_URL") or None,
        aws_endpoint_url=environment.get("LOCAL_AWS_ENDPOINT_URL") or None,
        docker_gateway=environment.get("DOCKER_GATEWAY") or None,
        environment=environment,
    )


def _whole_number(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not low <= int(text) <= high:
        raise LocalCloudError(f"{name} must be a whole number from {low} to {high}, not {text!r}")
    return int(text)


def _read_env_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    return {
        name.strip().removeprefix("export ").strip(): value.strip().strip("'\"")
        for name, equals, value in pairs
        if equals
    }
