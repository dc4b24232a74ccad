"""Follows your-own-venue.md exactly, in a copy of the repository."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from order_engine.domain.errors import TransactionExpired, TransactionReverted, VenueUnavailable
from order_engine.domain.transactions import Fill, InFlight, Transaction, Unfilled
from testing.cloud import QUICK, ROOT, running_cloud
from testing.pages import DOCS, Block, blocks, executed_block

PAGE = DOCS / "your-own-venue.md"
BLOCKS = blocks(PAGE)
COMMANDS = [block for block in BLOCKS if block.note.startswith("run; prints: ")]

# The changes that the FAQ describes for a new token: file → (old, new).
TOKEN = {
    "domain/tokens.py": ('        Token("ABC",', '        Token("DOGE", 8, "a mint"),\n        Token("ABC",'),
    "venues/mock/market.py": ('    "ABC": (', '    "DOGE": (0.1, 0.1),\n    "ABC": ('),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, with the page's files in it."""
    directory = tmp_path_factory.mktemp("repository")
    for name in ("functions", "layers", "localcloud", "testing", "tests"):
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("template.yaml", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, directory)
    (directory / ".venv").symlink_to(ROOT / ".venv")
    for block in BLOCKS:
        if block.note.startswith("file: "):
            (directory / block.note.removeprefix("file: ")).write_text(block.text)
    for name, (old, new) in TOKEN.items():
        file = directory / "layers" / "order_engine" / "order_engine" / name
        assert file.read_text().count(old) == 1
        file.write_text(file.read_text().replace(old, new))
    return directory


@pytest.fixture(scope="module")
def url(copy: Path) -> Iterator[str]:
    """The URL of `make run` in the copy."""
    assert [block.text for block in BLOCKS if block.note == "the test starts it"] == ["make run\n"]
    with running_cloud(copy / ".local", copy / "template.yaml", **QUICK) as cloud:
        yield cloud.http_url


def test_every_block_is_executed() -> None:
    known = ("file: ", "run; prints: ", "the test starts it", "a test executes this")
    assert len(BLOCKS) == 10
    assert all(block.note.startswith(known) for block in BLOCKS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda block: block.text.strip()[-30:])
def test_the_commands_print_the_documented_output(copy: Path, url: str, command: Block) -> None:
    run = subprocess.run(
        ["sh", "-ec", command.text],
        cwd=copy,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(copy),
            # The virtual environment contains this checkout's packages; the copy's must take precedence.
            "PYTHONPATH": str(copy / "layers" / "order_engine"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for word in command.note.removeprefix("run; prints: ").split():
        assert word in run.stdout, run.stdout


def test_a_token_can_be_added_as_the_faq_describes(url: str) -> None:
    key = {"Authorization": f"Bearer {_key(url)}"}
    tokens = httpx.get(f"{url}/api/tokens").json()["tokens"]
    assert {"symbol": "DOGE", "decimals": 8, "mint": "a mint"} in tokens
    quotes = httpx.get(f"{url}/api/quotes?tokenIn=DOGE&tokenOut=USDC&amount=10", headers=key).json()
    assert {quote["venue"] for quote in quotes["quotes"] if "amountOut" in quote} == {"raydium", "meteora"}


def _key(url: str) -> str:
    page = httpx.get(url).text
    return page.partition('"apiKey": "')[2].partition('"')[0] or page.partition('"apiKey":"')[2].partition('"')[0]


class FakeRpc:
    """A fake RPC client that knows these statuses by signature, or raises; `calls` has the size of each call."""

    def __init__(self, known: dict[str, Any] | Exception) -> None:
        self._known = known
        self.calls: list[int] = []

    async def send(self, signature: str) -> None:
        await self.statuses([signature])

    async def statuses(self, signatures: Sequence[str]) -> Any:
        self.calls.append(len(signatures))
        if isinstance(self._known, Exception):
            raise self._known
        return [self._known.get(signature) for signature in signatures]


def transaction(seconds: float) -> Transaction:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return Transaction("s", "o", "v", "SOL", "USDC", Decimal(2), Decimal(1), until)


@pytest.mark.parametrize(
    ("found", "seconds", "status"),
    [
        ({"ok": True, "amountOut": "300"}, 60, Fill(Decimal(300), Decimal(150))),
        ({"ok": True, "amountOut": "300"}, -1, Fill(Decimal(300), Decimal(150))),
        ({"ok": False}, 60, TransactionReverted),
        (None, -1, TransactionExpired),
        (None, 60, InFlight.IN_FLIGHT),
    ],
)
def test_the_example_chain_reports_the_correct_status(found: Any, seconds: float, status: Any) -> None:
    chain = _real_chain(FakeRpc({"s": found} if found else {}))
    (answer,) = asyncio.run(chain.statuses([transaction(seconds)]))
    assert (type(answer.error) if isinstance(answer, Unfilled) else answer) == status


def test_the_example_chain_checks_256_transactions_per_call() -> None:
    rpc = FakeRpc({})
    answers = asyncio.run(_real_chain(rpc).statuses([transaction(60)] * 300))
    assert (len(answers), rpc.calls) == (300, [256, 44])


@pytest.mark.parametrize("method", ["send", "statuses"])
def test_the_example_chain_raises_venue_unavailable_on_rpc_errors(method: str) -> None:
    with pytest.raises(VenueUnavailable):
        asyncio.run(getattr(_real_chain(FakeRpc(OSError())), method)([transaction(60)]))


def _real_chain(rpc: FakeRpc) -> Any:
    names: dict[str, Any] = {}
    exec(executed_block(PAGE, "python"), names)
    return names["RealChain"](rpc)
