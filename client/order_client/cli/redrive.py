"""`orders redrive`: look into the orders dead-letter queue and give its messages another chance.

The engine's dead_letter function handles that queue by itself. What stays there is what it could not settle: messages
about no known order, or everything while the database was away. It holds each for the queue's visibility timeout (a
minute), then tries again; meanwhile the message is neither seen nor moved.
"""

from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from order_client.cli.aws import DEAD_LETTER_QUEUE, ORDERS_QUEUE, Region, Stack, aws_errors, find_aws
from order_client.cli.dead_letters import depth, move_all, peek_at, start_move
from order_client.cli.session import session_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    """What was found and done. `held`: being handled right now. `task`: the move that AWS goes on with."""

    waiting: int
    held: int
    messages: list[str]
    moved: int | None = None
    task: str | None = None


def redrive(  # noqa: PLR0913, PLR0917 - they are the options
    ctx: typer.Context,
    stack: Stack = None,
    region: Region = None,
    peek: Annotated[int, typer.Option(min=0, max=10, help="Show at most so many messages.")] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look.")] = False,
    wait: Annotated[
        int, typer.Option(min=0, help="Local cloud: also wait so many seconds for messages that are held.")
    ] = 0,
) -> None:
    """Show the orders dead-letter queue and move its messages back to the orders queue."""
    with aws_errors():
        aws = find_aws(stack, region)
        sqs, source = aws.sqs(), aws.output(DEAD_LETTER_QUEUE)
        waiting, held = depth(sqs, source)
        seen = peek_at(sqs, source, peek) if waiting and (dry_run or not aws.local) else []
        if dry_run:
            done = Redrive(waiting=waiting, held=held, messages=seen)
        elif aws.local:
            bodies = move_all(sqs, source, aws.output(ORDERS_QUEUE), waiting + held, wait)
            done = Redrive(waiting=waiting, held=held, messages=bodies[:peek], moved=len(bodies))
        else:
            done = Redrive(waiting=waiting, held=held, messages=seen, task=start_move(sqs, source))
    session_of(ctx).show(done, _report)


def _report(done: Redrive) -> RenderableType:
    lines = [f"{done.waiting} waiting, {done.held} held by the dead_letter function", *done.messages]
    if done.moved is not None:
        lines.append(f"moved {done.moved} to the orders queue")
    if done.task is not None:
        lines.append("AWS is moving them to the orders queue")
    return Group(*(Text(line, overflow="ellipsis", no_wrap=True) for line in lines))
