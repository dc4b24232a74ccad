"""Command lines against a fake engine."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from fake_engine import Answer, Connection, FakeEngine, fake_engine


def run_command(
    app: typer.Typer,
    *args: str,
    answers: Sequence[Answer | None],
    connections: Sequence[Connection] = (),
    exits: int = 0,
) -> tuple[Result, FakeEngine]:
    """Run a command against a fake engine and check its exit code."""

    async def run() -> tuple[Result, FakeEngine]:
        async with fake_engine(*connections, answers=answers) as engine:
            endpoint = ["--url", engine.url, "--ws-url", f"{engine.url}/live".replace("http", "ws"), "--key", "key"]
            return await asyncio.to_thread(CliRunner().invoke, app, [*endpoint, *args]), engine

    result, engine = asyncio.run(run())
    assert result.exit_code == exits, result.output
    return result, engine


def hide_other_engines(directory: Path, patch: pytest.MonkeyPatch) -> None:
    """Hide every engine that is configured outside `directory`: variables, profiles, a local cloud."""
    for name in ("ORDERS_URL", "ORDERS_WS_URL", "ORDERS_API_KEY", "ORDERS_PROFILE"):
        patch.delenv(name, raising=False)
    patch.setenv("XDG_CONFIG_HOME", str(directory / "config"))
    patch.chdir(directory)
