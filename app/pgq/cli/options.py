"""The options that several commands have, and how their words are read."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from pgq.db.filters import STATES
from pgq.values import fields
from pgq.values.duration import parse_duration
from pgq.values.errors import InvalidTask


def reader(read: Callable[[str], Any], name: str) -> Callable[[str], Any]:
    """A parser for Typer: a refused value is wrong usage, with the reason."""

    def parse(words: str) -> Any:
        try:
            return read(words)
        except InvalidTask as error:
            raise typer.BadParameter(error.reason) from None

    parse.__name__ = name
    return parse


def read_moment(words: str) -> datetime:
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise InvalidTask("time", "must look like 2030-01-31T09:00:00+01:00 or 2030-01-31T08:00:00Z") from None
    if moment.tzinfo is None:
        raise InvalidTask("time", "has no offset from UTC; add one, such as +01:00, or Z for UTC")
    return fields.moment(moment, "time")


def read_priority(words: str) -> int:
    return fields.priority(int(words) if words.lstrip("-").isdecimal() else words)


def read_state(words: str) -> str:
    if words not in STATES:
        raise InvalidTask("state", f"must be one of {', '.join(STATES)}")
    return words


def read_whole_number(words: str) -> int:
    if not words.isdecimal():
        raise InvalidTask("number", f"must be a whole number, not {words[:40]!r}")
    return int(words)


duration = reader(parse_duration, "duration")
moment = reader(read_moment, "time")
whole_number = reader(read_whole_number, "number")
priority = reader(read_priority, "priority")
state = reader(read_state, "state")
parent_failure = reader(fields.on_parent_failure, "policy")


TaskId = Annotated[UUID, typer.Argument(metavar="ID", help="The task's id.")]
TaskIds = Annotated[list[UUID] | None, typer.Argument(metavar="ID", help="Ids of tasks, in place of a filter.")]

States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        parser=state,
        help=f"In this state; repeatable. One of {', '.join(STATES)}; pending also matches scheduled and retrying.",
    ),
]
Queues = Annotated[list[str] | None, typer.Option("--queue", "-q", metavar="NAME", help="In this queue; repeatable.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", metavar="KIND", help="Of this kind; repeatable.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="With this tag; repeated: with all.")]
Workflow = Annotated[UUID | None, typer.Option("--workflow", metavar="ID", help="Of this workflow.")]
ErrorTypes = Annotated[
    list[str] | None, typer.Option("--error-type", metavar="TYPE", help="Buried by this error; repeatable.")
]

DeadAfter = Annotated[
    datetime | None, typer.Option("--dead-after", metavar="TIME", parser=moment, help="Buried later than this.")
]
DeadBefore = Annotated[
    datetime | None, typer.Option("--dead-before", metavar="TIME", parser=moment, help="Buried earlier than this.")
]
CreatedAfter = Annotated[
    datetime | None, typer.Option("--created-after", metavar="TIME", parser=moment, help="Made later than this.")
]
CreatedBefore = Annotated[
    datetime | None, typer.Option("--created-before", metavar="TIME", parser=moment, help="Made earlier than this.")
]

Limit = Annotated[int, typer.Option(min=1, max=500, help="How many at most.")]
Everything = Annotated[bool, typer.Option("--all", help="Without a filter: every one.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count.")]
AtMost = Annotated[int | None, typer.Option("--limit", min=1, help="Change at most so many.")]
