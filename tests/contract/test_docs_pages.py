"""Everything that the pages refer to exists: files, headings, make targets, commands and options, tables, queues."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import psycopg
import pytest
import typer

from localcloud.template.yaml_file import read_yaml
from order_client.cli.app import app
from order_engine.contracts.requests import ListOrders, PlaceOrder, Request
from order_engine.contracts.views import (
    ErrorFrameView,
    EventsView,
    EventView,
    PongView,
    SnapshotView,
    SubscribedView,
    UnsubscribedView,
)
from order_engine.domain.errors import InvalidRequest
from testing.pages import DOCS, ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
TEMPLATE: dict[str, Any] = read_yaml(ROOT / "template.yaml")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_resolves(page: Path) -> None:
    for link in re.finditer(LINK, FENCE.sub("", page.read_text())):
        path, _, heading = (link[1] or link[2]).partition("#")
        if re.match(r"\w+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link[0]
        if heading:
            assert heading in set(_anchors(target)), link[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in _code(page):
        for target in re.findall(r"(?:^|\s)make ([a-z]+)", command):
            assert target in targets, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_exists(page: Path) -> None:
    group: Any = typer.main.get_command(app)
    for line in _code(page):
        for words in re.findall(r"(?:^|[\s/(])orders((?: (?:[a-z]+|--?[a-z][a-z-]*|[A-Z]+|\d[\d.]*))+)", line):
            command, shared = group, set(_options(group))
            options = [word for word in words.split() if word.startswith("--")]
            for word in words.split():
                if word in getattr(command, "commands", {}):
                    command = command.commands[word]
                else:
                    assert not (word.islower() and word.isalpha() and hasattr(command, "commands")), line
            assert set(options) <= shared | set(_options(command)) | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_exists(page: Path) -> None:
    """A variable in front of `make run` is a parameter of the template or listed in .env.example."""
    parameters = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper() for name in TEMPLATE["Parameters"]}
    known = parameters | set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    for command in _code(page):
        for name in re.findall(r"([A-Z_]+)=\S+ (?=[^\n]*make run)", command):
            assert name in known, command


def test_architecture_names_exactly_the_existing_tables_and_indexes(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname IN ('public', 'mock_chain')"
            " AND tablename <> 'schema_migrations'"
        ).fetchall()
        tables = connection.execute(
            "SELECT CASE schemaname WHEN 'public' THEN '' ELSE schemaname || '.' END || tablename FROM pg_tables"
            " WHERE schemaname IN ('public', 'mock_chain')"
        ).fetchall()
        columns = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'orders'"
        ).fetchall()
    text = (DOCS / "architecture.md").read_text()
    assert set(re.findall(r"`(\w+_(?:pkey|by_\w+))`", text)) == {name for (name,) in rows}
    assert set(re.findall(r"\*\*`([\w.]+)`\*\*", text)) == {name for (name,) in tables}
    assert all(f"`{name}`" in text for (name,) in columns)


def test_architecture_names_every_function_queue_and_table_of_the_template() -> None:
    text = (DOCS / "architecture.md").read_text()
    for name, resource in TEMPLATE["Resources"].items():
        if resource["Type"] in ("AWS::SQS::Queue", "AWS::DynamoDB::Table"):
            assert name in text
    for folder in (ROOT / "functions").iterdir():
        if (folder / "app.py").exists():
            assert f"| `{folder.name}` |" in text


def test_no_function_needs_a_nat_gateway() -> None:
    resources = TEMPLATE["Resources"]
    assert "VpcConfig" not in resources["NotifierFunction"]["Properties"]
    assert "VpcConfig" not in TEMPLATE["Globals"]["Function"]
    assert not any(resource["Type"] == "AWS::EC2::NatGateway" for resource in resources.values())


def test_the_protocol_page_names_every_frame_type() -> None:
    text = (DOCS / "stream-protocol.md").read_text()
    for view in (SnapshotView, EventView, EventsView, SubscribedView, UnsubscribedView, PongView, ErrorFrameView):
        (kind,) = get_args(view.model_fields["type"].annotation)
        assert f"`{kind}`" in text


@pytest.mark.parametrize(
    ("row", "fits", "too_much"),
    [
        ("| `slippageBps` | 0 to 10000 |", {"slippageBps": Decimal(10_000)}, {"slippageBps": Decimal(10_001)}),
        ("| `limit` of a list | 1 to 100, 50 if you do not say |", {"limit": "100"}, {"limit": "101"}),
        (
            "| `clientOrderId`, `Idempotency-Key` | 128 characters |",
            {"clientOrderId": "k" * 128},
            {"clientOrderId": "k" * 129},
        ),
    ],
)
def test_the_faqs_limits_match_the_contracts(row: str, fits: dict[str, Any], too_much: dict[str, Any]) -> None:
    order = {"tokenIn": "SOL", "tokenOut": "USDC", "amount": Decimal(1)}
    kind: type[Request] = ListOrders if "limit" in fits else PlaceOrder
    given = {} if kind is ListOrders else order
    assert row in (DOCS / "faq.md").read_text()
    kind.of({**given, **fits})
    with pytest.raises(InvalidRequest):
        kind.of({**given, **too_much})


def test_the_faqs_numbers_match_the_template() -> None:
    text = (DOCS / "faq.md").read_text()
    defaults = {name: parameter.get("Default") for name, parameter in TEMPLATE["Parameters"].items()}
    for statement, name, number in (
        ("| attempts | 3 (`MAX_ATTEMPTS`) |", "MaxAttempts", 3),
        (
            "| workers | 20 at once (`WORKER_CONCURRENCY`), ten orders each (`ORDERS_BATCH_SIZE`) |",
            "WorkerConcurrency",
            20,
        ),
        ("`WATCHDOG_SECONDS` (20 seconds)", "WatchdogSeconds", 20),
        ("(`ORDER_LIFETIME_SECONDS`)", "OrderLifetimeSeconds", 300),
        ("runs every minute", "SweepSchedule", "rate(1 minute)"),
    ):
        assert statement in text
        assert defaults[name] == number


def _code(page: Path) -> Iterator[str]:
    """The page's code: the lines of its blocks, and inline code."""
    text = page.read_text()
    for block in FENCE.findall(text):
        yield from block.splitlines()[1:-1]
    yield from CODE.findall(FENCE.sub("", text))


def _anchors(page: Path) -> Iterator[str]:
    """The headings' anchors, as GitHub generates them."""
    for heading in re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _options(command: Any) -> Iterator[str]:
    for parameter in command.params:
        yield from parameter.opts
