"""your-own-venue.md, followed to the letter in a copy of the repository."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from order_engine.domain.errors import TransactionExpired, TransactionReverted, VenueUnavailable
from order_engine.domain.transactions import Fill, Transaction
from tests.cloud import QUICK, ROOT, running_cloud
from tests.docs.pages import DOCS, Block, blocks, executed_block

PAGE = DOCS / "your-own-venue.md"
BLOCKS = blocks(PAGE)
COMMANDS = [block for block in BLOCKS if block.note.startswith("run; prints: ")]

# What the FAQ says of a new token, as changes of files.
TOKEN = {
    "domain/tokens.py": ('        Token("ABC",', '        Token("DOGE", 8, "a mint"),\n        Token("ABC",'),
    "venues/mock/market.py": ('    "ABC": (', '    "DOGE": (0.1, 0.1),\n    "ABC": ('),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, with the page's files in it."""
    directory = tmp_path_factory.mktemp("repository")
    for name in ("functions", "layers", "local", "tests"):
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
    """`make run` in the copy."""
    assert [block.text for block in BLOCKS if block.note == "the test starts it"] == ["make run\n"]
    with running_cloud(copy / ".local", copy / "template.yaml", **QUICK) as cloud:
        yield cloud.http_url


def test_every_block_is_executed() -> None:
    known = ("file: ", "run; prints: ", "the test starts it", "a test executes this")
    assert len(BLOCKS) == 10
    assert all(block.note.startswith(known) for block in BLOCKS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda block: block.text.strip()[-30:])
def test_the_commands_print_what_the_page_says(copy: Path, url: str, command: Block) -> None:
    run = subprocess.run(
        ["sh", "-ec", command.text],
        cwd=copy,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(copy),
            # This checkout's packages are installed in the environment; the copy's go first.
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


def test_a_token_is_added_as_the_faq_says(url: str) -> None:
    key = {"Authorization": f"Bearer {_key(url)}"}
    tokens = httpx.get(f"{url}/api/tokens").json()["tokens"]
    assert {"symbol": "DOGE", "decimals": 8, "mint": "a mint"} in tokens
    quotes = httpx.get(f"{url}/api/quotes?tokenIn=DOGE&tokenOut=USDC&amount=10", headers=key).json()
    assert {quote["venue"] for quote in quotes["quotes"] if "amountOut" in quote} == {"raydium", "meteora"}


def _key(url: str) -> str:
    page = httpx.get(url).text
    return page.partition('"apiKey": "')[2].partition('"')[0] or page.partition('"apiKey":"')[2].partition('"')[0]


class FakeRpc:
    """Answers in turn; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    async def send(self, signature: str) -> None:
        await self.status(signature)

    async def status(self, signature: str) -> Any:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def transaction(seconds: float) -> Transaction:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return Transaction("s", "o", "v", "SOL", "USDC", Decimal(2), Decimal(1), until)


@pytest.mark.parametrize(
    ("answers", "seconds", "landing"),
    [
        ([None, {"ok": True, "amountOut": "300"}], 60, Fill(Decimal(300), Decimal(150))),
        ([{"ok": False}], 60, TransactionReverted),
        ([None], -1, TransactionExpired),
        ([{"ok": True, "amountOut": "300"}], -1, Fill(Decimal(300), Decimal(150))),
    ],
)
def test_the_sketch_of_a_chain_keeps_its_promises(answers: list[Any], seconds: float, landing: Any) -> None:
    chain = _real_chain(*answers)
    found = asyncio.run(chain.landing(transaction(seconds)))
    assert found == landing or type(found) is landing


@pytest.mark.parametrize("method", ["send", "landing"])
def test_the_sketch_of_a_chain_says_when_it_does_not_know(method: str) -> None:
    with pytest.raises(VenueUnavailable):
        asyncio.run(getattr(_real_chain(OSError()), method)(transaction(60)))


def _real_chain(*answers: Any) -> Any:
    names: dict[str, Any] = {}
    exec(executed_block(PAGE, "python"), names)
    return names["RealChain"](FakeRpc(*answers), ask_every=0)
