"""`orders-admin keys`: manages API keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from order_admin.aws import API_KEYS_TABLE, Region, Stack, aws_errors, find_aws
from order_client.cli.failures import REFUSED
from order_client.cli.render import table_of
from order_client.cli.session import session_of
from order_engine.adapters.api_keys import ApiKeys

TableName = Annotated[str | None, typer.Option("--table", help="The DynamoDB table to use instead of the stack's.")]

app = typer.Typer(help="Create, list and revoke API keys of the local cloud or of a stack.", no_args_is_help=True)


@app.command()
def create(  # noqa: PLR0913, PLR0917 - one parameter per option
    ctx: typer.Context,
    account: Annotated[str, typer.Argument(help="The account that the key gives access to.")],
    label: Annotated[str, typer.Option(help="What the key is for.")] = "",
    stack: Stack = None,
    table: TableName = None,
    region: Region = None,
) -> None:
    """Create a key. It is shown once and cannot be retrieved again."""
    with _keys(stack, table, region) as keys:
        key = keys.create(account, label)
    session_of(ctx).show({"key": key, "account": account, "label": label}, _created)


@app.command("list")
def list_keys(ctx: typer.Context, stack: Stack = None, table: TableName = None, region: Region = None) -> None:
    """List all keys: their ids and accounts, not the keys themselves."""
    with _keys(stack, table, region) as keys:
        known = sorted(keys.all(), key=lambda key: key.created_at)
    documents = [
        {"id": k.id, "account": k.account, "label": k.label, "createdAt": k.created_at, "disabled": k.disabled}
        for k in known
    ]
    session_of(ctx).show(documents, _listed)


@app.command()
def revoke(
    ctx: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as 'keys list' shows it.")],
    stack: Stack = None,
    table: TableName = None,
    region: Region = None,
) -> None:
    """Revoke a key. API Gateway may accept it for another minute, from its cache."""
    with _keys(stack, table, region) as keys:
        revoked = keys.revoke(key_id)
    if not revoked:
        session_of(ctx).note(f"orders-admin: there is no key with the id {key_id}")
        raise typer.Exit(REFUSED)
    session_of(ctx).show({"id": key_id, "disabled": True}, lambda _: Text(f"revoked {key_id}"))


@contextmanager
def _keys(stack: str | None, table: str | None, region: str | None) -> Iterator[ApiKeys]:
    with aws_errors():
        aws = find_aws(stack, region, **{API_KEYS_TABLE: table})
        yield ApiKeys(aws.output(API_KEYS_TABLE), aws.dynamodb())


def _created(document: dict[str, Any]) -> RenderableType:
    return Text.assemble((document["key"], "bold"), f"\nAccount {document['account']}. Keep it: it is not shown again.")


def _listed(documents: list[dict[str, Any]]) -> RenderableType:
    table = table_of("id", "account", "label", "created", "")
    for key in documents:
        state = "revoked" if key["disabled"] else ""
        table.add_row(*(Text(key[name]) for name in ("id", "account", "label", "createdAt")), state)
    return table
