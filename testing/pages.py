"""The documentation's pages and their code blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"(?:<!-- (?P<note>[^>]*) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A code block; `note` is the comment on the line above it."""

    note: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The page's code blocks, in order."""
    found = _BLOCK.finditer(page.read_text())
    return [Block(block["note"] or "", block["language"], block["text"]) for block in found]


def executed_block(page: Path, language: str) -> str:
    """The text of the one block of this language that is marked `a test executes this`."""
    (block,) = [block for block in blocks(page) if block.language == language and block.note == "a test executes this"]
    return block.text
