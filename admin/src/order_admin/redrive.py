"""`orders-admin redrive`: shows the messages in the poison queue and moves them back to the orders queue.

The engine processes its dead-letter queue itself. Messages about orders that it does not know end up in the poison
queue, which only operators empty.
"""

from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from order_admin.aws import ORDERS_QUEUE, POISON_QUEUE, Region, Stack, aws_errors, find_aws
from order_admin.poison import depth, move_all, peek_at, start_move
from order_client.cli.session import session_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    """What was found and done. `task` is the handle of the move task that continues on AWS."""

    waiting: int
    messages: list[str]
    moved: int | None = None
    task: str | None = None


def redrive(
    ctx: typer.Context,
    stack: Stack = None,
    region: Region = None,
    peek: Annotated[int, typer.Option(min=0, max=10, help="Maximum number of messages to show.")] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the messages without moving them.")] = False,
) -> None:
    """Show the messages in the poison queue and move them back to the orders queue."""
    with aws_errors():
        aws = find_aws(stack, region)
        sqs, source, target = aws.sqs(), aws.output(POISON_QUEUE), aws.output(ORDERS_QUEUE)
        waiting = depth(sqs, source)
        seen = peek_at(sqs, source, peek) if waiting else []
        if dry_run:
            done = Redrive(waiting=waiting, messages=seen)
        elif aws.local:
            done = Redrive(waiting=waiting, messages=seen, moved=move_all(sqs, source, target, waiting))
        else:
            done = Redrive(waiting=waiting, messages=seen, task=start_move(sqs, source, target))
    session_of(ctx).show(done, _report)


def _report(done: Redrive) -> RenderableType:
    lines = [f"{done.waiting} in the poison queue", *done.messages]
    if done.moved is not None:
        lines.append(f"moved {done.moved} to the orders queue")
    if done.task is not None:
        lines.append("AWS is moving them to the orders queue")
    return Group(*(Text(line, overflow="ellipsis", no_wrap=True) for line in lines))
