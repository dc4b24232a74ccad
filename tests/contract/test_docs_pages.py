"""Everything that the pages refer to exists: files, headings, make targets, commands and options, tables, queues."""

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import psycopg
import pytest
import typer

import order_admin.app
import order_client.cli
from localcloud.template.yaml_file import read_yaml
from order_engine.contracts.requests import ListOrders, PlaceOrder, Request
from order_engine.contracts.views import (
    CancelledFrameView,
    ErrorFrameView,
    EventsView,
    EventView,
    OrderView,
    PongView,
    SnapshotView,
    SubscribedView,
    UnsubscribedView,
)
from order_engine.domain.errors import InvalidRequest
from order_engine.domain.lifecycle import CLAIMS, INITIAL, TRANSITIONS, Status
from testing.pages import DOCS, ROOT, blocks

PAGES = [path for folder in (".", "*") for path in sorted(ROOT.glob(f"{folder}/*.md"))]
PROGRAMS = {"orders": order_client.cli.app, "orders-admin": order_admin.app.app}
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
TEMPLATE: dict[str, Any] = read_yaml(ROOT / "template.yaml")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_resolves(page: Path) -> None:
    for link in re.finditer(LINK, FENCE.sub("", page.read_text())):
        path, _, heading = (link[1] or link[2]).partition("#")
        if re.match(r"\w+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link[0]
        if heading:
            assert heading in set(_anchors(target)), link[0]


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in _code(page):
        for target in re.findall(r"(?:^|\s)make ([a-z]+)", command):
            assert target in targets, command


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_line_is_valid(page: Path) -> None:
    """Commands in code blocks have all their arguments; those in sentences may leave out the last ones."""
    for line in _shell_lines(page):
        for words in _command_lines(line):
            _parse(words)
    for code in CODE.findall(FENCE.sub("", page.read_text())):
        for words in _command_lines(code):
            with suppress(typer.BadParameter):
                _parse(words)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_module_that_is_run_exists_and_has_the_options(page: Path) -> None:
    for line in _code(page):
        for module, arguments in re.findall(r"python -m ([\w.]+)([^#|&]*)", line):
            spec = find_spec(module)
            assert spec and spec.origin, line
            main = Path(spec.origin).with_name("__main__.py")
            source = (main if spec.submodule_search_locations else Path(spec.origin)).read_text()
            if module != "pytest":
                assert all(f'"{option}"' in source for option in re.findall(r"--[a-z-]+", arguments)), line


@pytest.mark.parametrize("page", PAGES, ids=_name)
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
    assert set(re.findall(r"`(\w+_(?:pkey|by_\w+|resting))`", text)) == {name for (name,) in rows}
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
    views = SnapshotView, EventView, EventsView, SubscribedView, UnsubscribedView, CancelledFrameView, PongView
    for view in (*views, ErrorFrameView):
        (kind,) = get_args(view.model_fields["type"].annotation)
        assert f"`{kind}`" in text


def test_the_vocabulary_translates_every_status_once() -> None:
    assert [status.strip("`") for status, *_ in _table(DOCS / "vocabulary.md", "Statuses")] == list(Status)


def test_the_vocabulary_translates_every_transition_once() -> None:
    rows = _table(DOCS / "vocabulary.md", "Events")
    found = [pair for cell, *_ in rows for pair in re.findall(r"(?:`(\w+)` )?→ `(\w+)`", cell)]
    assert sorted(found) == sorted([*(("", status) for status in INITIAL), *CLAIMS.items(), *TRANSITIONS])


def test_the_vocabulary_translates_every_field_of_orders_and_events() -> None:
    named = {name for cell, *_ in _table(DOCS / "vocabulary.md", "Fields") for name in CODE.findall(cell)}
    fields = {str(field.alias) for view in (OrderView, EventView) for field in view.model_fields.values()}
    assert named == fields - {"type"}  # of a frame


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


def _table(page: Path, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its header; none is empty."""
    section = page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in section.splitlines() if line.startswith("|")]
    assert all(all(row) for row in rows)
    return rows[2:]


def _shell_lines(page: Path) -> Iterator[str]:
    """The lines of the page's shell commands, with continued lines joined."""
    for block in blocks(page):
        if block.language == "sh":
            yield from block.text.replace("\\\n", " ").splitlines()


def _command_lines(line: str) -> Iterator[list[str]]:
    """The line's words if it runs one of our programs."""
    match = re.match(r"(?:\$ )?(?:\.venv/bin/)?(orders|orders-admin) (?=[a-z-])", line.strip())
    if match:
        yield shlex.split(line.strip().removeprefix("$ ").removeprefix(".venv/bin/"), comments=True)


def _parse(words: list[str]) -> None:
    """Raises a usage error if the program would reject its arguments."""
    command: Any = typer.main.get_command(PROGRAMS[words[0]])
    context, rest = None, words[1:]
    if "--help" in rest:
        rest.remove("--help")
    while True:
        context = command.make_context(command.name, list(rest), parent=context)
        if not hasattr(command, "commands"):
            return
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        _, command, rest = command.resolve_command(context, rest)


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
