"""Behaviour that all commands share: options in any position, and errors as exit codes."""

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from order_client.cli.failures import exit_code, report
from order_client.errors import OrderEngineError

_WITH_VALUE = ("--url", "--ws-url", "--key", "--profile")
_FLAGS = ("--json",)


class OrdersGroup(TyperGroup):
    """Accepts the shared options before and after the command; turns the client's errors into exit codes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments after moving the shared options to the front, where they are declared."""
        return super().parse_args(ctx, shared_first(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; report an error and exit with its code."""
        try:
            return super().invoke(ctx)
        except OrderEngineError as error:
            report(error, program=ctx.info_name, as_json=ctx.obj.json)
            raise typer.Exit(exit_code(error)) from None


def shared_first(args: Sequence[str]) -> list[str]:
    """`list --json --limit 3` → `--json list --limit 3`; arguments after `--` stay in place."""
    shared: list[str] = []
    others: list[str] = []
    left = iter(args)
    for arg in left:
        if arg == "--":
            others += [arg, *left]
        elif arg in _FLAGS or arg.startswith(tuple(f"{name}=" for name in _WITH_VALUE)):
            shared.append(arg)
        elif arg in _WITH_VALUE:
            shared += [arg, *(value for value in [next(left, None)] if value is not None)]
        else:
            others.append(arg)
    return shared + others
